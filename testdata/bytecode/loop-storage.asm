; A loop as long as a slot says; each call makes the next one longer.
.storage 0 1
.call ok
.call ok
.call ok
PUSH 0
SLOAD
next:
DUP1
ISZERO
PUSH @end
JUMPI
CALLVALUE
DUP2
SSTORE
PUSH 1
SWAP1
SUB
PUSH @next
JUMP
end:
PUSH 0
SLOAD
PUSH 2
ADD
PUSH 0
SSTORE
STOP
