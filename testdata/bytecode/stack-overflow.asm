; Pushes in a loop until the stack is full.
.call fail
next:
PUSH 1
PUSH @next
JUMP
