; Counts up by the argument: read, add, write, the simplest update that commutes.
.call ok 1
.call ok 2
.call ok 3
PUSH 0
CALLDATALOAD
PUSH 0
SLOAD
ADD
PUSH 0
SSTORE
STOP
