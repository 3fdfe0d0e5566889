; A creation that writes and reverts: its address was accessed, the creator's nonce
; is used up, its answer can be read, and nothing else stays.
.call ok
PUSH15 0x6001600155600460005260206000fd
PUSH 0x88
SHL             ; init: slot 1 = 1, revert with the number 4
PUSH 0
MSTORE
PUSH 15
PUSH 0
PUSH 0
CREATE
PUSH 0
SSTORE          ; slot 0 = 0
RETURNDATASIZE
PUSH 1
SSTORE          ; slot 1 = 32
PUSH 0x20
PUSH 0
PUSH 0
RETURNDATACOPY
PUSH 0
MLOAD
PUSH 2
SSTORE          ; slot 2 = 4
STOP
