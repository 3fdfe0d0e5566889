; base ^ exponent mod modulus by the precompile, as the slot to write. With too
; little gas the call fails, and memory keeps its zero.
.call ok 3 5 7
.call ok 2 0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f
PUSH 0x20
PUSH 0
MSTORE
PUSH 0x20
PUSH 0x20
MSTORE
PUSH 0x20
PUSH 0x40
MSTORE
PUSH 0x60
PUSH 0
PUSH 0x60
CALLDATACOPY
PUSH 0x20
PUSH 0xc0
PUSH 0xc0
PUSH 0
PUSH 5
PUSH 1000
STATICCALL
PUSH 0xc0
MLOAD
SSTORE
STOP
