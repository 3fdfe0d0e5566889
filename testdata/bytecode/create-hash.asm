; The code hash of a contract that was created in the same block is a slot's key: right
; after it was created, and in the next transaction.
.call ok 1
.call ok 2
PUSH 0
CALLDATALOAD
PUSH 1
EQ
PUSH @deploy
JUMPI
PUSH 0
SLOAD
ask:            ; address
EXTCODEHASH
PUSH 0
CALLDATALOAD
SWAP1
SSTORE          ; slot hash = argument
STOP
deploy:
PUSH14 0x6005600c60003960056000f36001
PUSH 0x90
SHL             ; init: copy 5 bytes behind it, return them
PUSH 0
MSTORE
PUSH 0x6001600155
PUSH 0xd8
SHL             ; runtime: slot 1 = 1
PUSH 12
MSTORE
PUSH 17
PUSH 0
PUSH 0
CREATE
DUP1
PUSH 0
SSTORE          ; slot 0 = address
PUSH @ask
JUMP
