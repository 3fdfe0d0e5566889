; Writes a slot and puts the old value back: accessed, not changed.
.storage 1 5
.call ok
PUSH 6
PUSH 1
SSTORE
PUSH 5
PUSH 1
SSTORE
STOP
