; Writes slot after slot until the gas is gone: everything is reverted, and the
; slots reached are still accessed.
.call fail gas=100000
.call fail gas=200000
PUSH 0
next:
PUSH 1
ADD
DUP1
DUP1
SSTORE
PUSH @next
JUMP
