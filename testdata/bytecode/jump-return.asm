; An internal function called from two places, with the place to return to on the
; stack below its argument.
.call ok 5
PUSH @after_first
PUSH 0
CALLDATALOAD
PUSH @square
JUMP
after_first:
PUSH 0
SSTORE
PUSH @after_second
PUSH 0
SLOAD
PUSH @square
JUMP
after_second:
PUSH 1
SSTORE
STOP
square:         ; return x => x * x
DUP1
MUL
SWAP1
JUMP
