; Creates a contract with the call's value; its constructor destroys it at once.
; The ether is back with the creator, the account gone when the transaction ends.
.call ok value=9
.call ok
PUSH 0x33ff     ; CALLER SELFDESTRUCT
PUSH 0xf0
SHL
PUSH 0
MSTORE
PUSH 2
PUSH 0
CALLVALUE
CREATE
DUP1
PUSH 0
SSTORE
BALANCE
PUSH 1
SSTORE
STOP
