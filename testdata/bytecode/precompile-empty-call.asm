; A value sent to a precompile that then fails comes back; an account without
; code is called successfully and returns nothing.
.balance 50
.call ok
PUSH 0
PUSH 0
PUSH 3
PUSH 0
PUSH 10
PUSH 8          ; pairing, for which the stipend
PUSH 1          ; and one more gas are too little
CALL
PUSH 0
SSTORE
PUSH 0
PUSH 0
PUSH 0
PUSH 0
PUSH 10
PUSH20 0x000000000000000000000000000000000000aaaa
GAS
CALL
PUSH 1
SSTORE
SELFBALANCE
PUSH 2
SSTORE
STOP
