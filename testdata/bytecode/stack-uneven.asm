; One block entered with two heights of stack; what it stores lies below.
.call ok 0
.call ok 1
PUSH 0x11
PUSH 0
CALLDATALOAD
PUSH @join
JUMPI
PUSH 0x22
join:
PUSH 1
SSTORE
STOP
