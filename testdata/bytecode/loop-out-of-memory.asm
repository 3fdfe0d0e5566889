; Doubles the memory until paying for it fails.
.call fail gas=500000
PUSH 0x20
next:
DUP1
DUP1
MSTORE
DUP1
ADD
PUSH @next
JUMP
