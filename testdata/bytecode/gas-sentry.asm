; A callee that gets nothing but the stipend cannot write, and its slot is not
; even read (EIP-2200).
.balance 100
.call ok
PUSH 0
PUSH 0
PUSH 0
PUSH 0
PUSH 1
PUSH20 0x000000000000000000000000000000000000bbbb
PUSH 0
CALL
PUSH 0
SSTORE
STOP
.account 0x000000000000000000000000000000000000bbbb
.storage 5 1
PUSH 2
PUSH 5
SSTORE
STOP
