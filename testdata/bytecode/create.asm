; CREATE twice: the addresses follow from the nonce. What was created is called,
; and its address stored.
.call ok
.call ok
PUSH @deploy_done
PUSH @deploy
JUMP
deploy_done:
PUSH 0
SSTORE
PUSH @again_done
PUSH @deploy
JUMP
again_done:
PUSH 0
PUSH 0
PUSH 0
PUSH 0
PUSH 0
DUP6
GAS
CALL
POP
PUSH 1
SSTORE
STOP
deploy:         ; return => address
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
SWAP1
JUMP
