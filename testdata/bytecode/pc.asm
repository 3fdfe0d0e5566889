; PC as a number: a jump relative to the place, and a slot named by it.
.call ok
PC              ; 0
PUSH 7
ADD
JUMP            ; to 7
INVALID
INVALID
target:
PC
PC
SSTORE
STOP
