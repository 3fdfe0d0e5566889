; CALLDATALOAD across and beyond the end of the calldata reads zeros.
.call ok 0xaabb
.call ok
PUSH 1
PUSH 0
CALLDATALOAD
SSTORE
PUSH 2
PUSH 1
CALLDATALOAD
SSTORE
PUSH 3
PUSH32 0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
CALLDATALOAD
SSTORE
STOP
