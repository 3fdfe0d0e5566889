; A branch on the contract's own balance, which earlier calls have raised.
.call ok value=1
.call ok value=1
.call ok value=1
PUSH 2
SELFBALANCE
GT
PUSH @rich
JUMPI
PUSH 1
PUSH 0
SLOAD
ADD
PUSH 0
SSTORE
STOP
rich:
SELFBALANCE
PUSH 1
SSTORE
STOP
