; The parent's hash is the slot to write. The hashes of this block and of one too
; old are zero, and writing them where there is zero changes nothing.
.call ok
PUSH 1
PUSH 1
NUMBER
SUB
BLOCKHASH
SSTORE
NUMBER
BLOCKHASH
PUSH 1
SSTORE
PUSH 300
NUMBER
SUB
BLOCKHASH
PUSH 2
SSTORE
STOP
