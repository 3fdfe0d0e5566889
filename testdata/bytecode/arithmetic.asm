; Signed, modular and bitwise operations on two words of calldata, each result
; the key of a slot.
.call ok 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff9 3
.call ok 7 0
.call ok 0x8000000000000000000000000000000000000000000000000000000000000000 0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
PUSH 0x20
CALLDATALOAD    ; b
PUSH 0
CALLDATALOAD    ; a
PUSH 1
DUP3
DUP3
SDIV
SSTORE
PUSH 2
DUP3
DUP3
SMOD
SSTORE
PUSH 3
DUP3
DUP3
EXP
SSTORE
PUSH 4
DUP3
DUP3
DUP2
ADDMOD          ; (a + b) % b
SSTORE
PUSH 5
DUP3
DUP3
DUP2
MULMOD
SSTORE
PUSH 6
DUP2
DUP4
SAR
SSTORE
PUSH 7
DUP2
DUP4
BYTE
SSTORE
PUSH 8
DUP2
DUP4
SIGNEXTEND
SSTORE
PUSH 9
DUP3
DUP3
SLT
SSTORE
PUSH 10
DUP2
CLZ
SSTORE
STOP
