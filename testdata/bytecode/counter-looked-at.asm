; Counts up and returns the old value: an update that does not commute.
.call ok 1
.call ok 2
PUSH 0
SLOAD
DUP1
PUSH 0
CALLDATALOAD
ADD
PUSH 0
SSTORE
PUSH 0
MSTORE
PUSH 0x20
PUSH 0
RETURN
