; DUP16 and SWAP16 reach the deepest words they can.
.call ok
PUSH 1
PUSH 2
PUSH 3
PUSH 4
PUSH 5
PUSH 6
PUSH 7
PUSH 8
PUSH 9
PUSH 10
PUSH 11
PUSH 12
PUSH 13
PUSH 14
PUSH 15
PUSH 16
PUSH 17
SWAP16          ; 1 on top, 17 at the bottom
DUP16           ; 2
SSTORE          ; slot 2 = 1
PUSH 0
SSTORE          ; slot 0 = 16
STOP
