; A static call may read and must not write: the callee fails at its SSTORE, and
; the slot it would have written is not accessed.
.call ok
PUSH 0
PUSH 0
PUSH 0
PUSH 0
PUSH20 0x000000000000000000000000000000000000bbbb
PUSH 100000
STATICCALL
PUSH 0
SSTORE
STOP
.account 0x000000000000000000000000000000000000bbbb
PUSH 8
SLOAD
PUSH 9
SSTORE
STOP
