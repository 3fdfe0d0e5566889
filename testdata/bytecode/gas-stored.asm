; Stores what is left of the gas after each kind of storage access: cold, warm,
; first write, second write, back to the old value.
.storage 0 1
.call ok
PUSH 0
SLOAD
POP
GAS
PUSH 0
SLOAD
POP
GAS
PUSH 2
PUSH 0
SSTORE
GAS
PUSH 3
PUSH 0
SSTORE
GAS
PUSH 1
PUSH 0
SSTORE
GAS
PUSH 0x10
SSTORE
PUSH 0x11
SSTORE
PUSH 0x12
SSTORE
PUSH 0x13
SSTORE
PUSH 0x14
SSTORE
STOP
