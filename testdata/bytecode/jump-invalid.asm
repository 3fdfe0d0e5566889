; A conditional jump to a constant that is no target: the cheap throw of old
; compilers. It fails only when taken.
.call ok 0
.call fail 1
PUSH 1
PUSH 1
SSTORE
PUSH 0
CALLDATALOAD
PUSH 2
JUMPI
PUSH 2
PUSH 2
SSTORE
STOP
