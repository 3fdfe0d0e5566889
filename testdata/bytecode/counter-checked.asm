; Takes the argument from a slot if there is enough, else reverts: an update that
; commutes as long as the check holds.
.storage 0 10
.call ok 4
.call ok 5
.call fail 2
PUSH 0
CALLDATALOAD
PUSH 0
SLOAD
DUP2
DUP2
LT
PUSH @too_little
JUMPI
SUB
PUSH 0
SSTORE
STOP
too_little:
PUSH 0
PUSH 0
REVERT
