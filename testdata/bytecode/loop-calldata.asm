; A loop as long as the calldata says, writing one slot a turn.
.call ok 0
.call ok 3
.call ok 20 gas=2000000
PUSH 0
CALLDATALOAD    ; n
next:
DUP1
ISZERO
PUSH @end
JUMPI
DUP1
DUP1
SSTORE
PUSH 1
SWAP1
SUB
PUSH @next
JUMP
end:
STOP
