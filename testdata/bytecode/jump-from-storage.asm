; A function pointer in storage: the first call runs the one, and sets the other
; for the second.
.storage 0 3
.call ok
.call ok
PUSH 0
SLOAD
JUMP
first:          ; at position 3
PUSH @second
PUSH 0
SSTORE
STOP
second:
PUSH 1
PUSH 1
SSTORE
STOP
