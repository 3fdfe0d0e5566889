; An opcode that does not exist, behind a branch.
.call ok 0
.call fail 1
PUSH 0
CALLDATALOAD
PUSH @bad
JUMPI
PUSH 1
PUSH 1
SSTORE
STOP
bad:
PUSH 2
PUSH 2
SSTORE
DATA 0x0c
