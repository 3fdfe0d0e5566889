; Pops more than there is, after a write that is undone.
.call fail
PUSH 1
PUSH 1
SSTORE
ADD
STOP
