; RETURNDATACOPY beyond what was returned fails, unlike every other copy.
.call ok 32
.call fail 33
PUSH 0
PUSH 0
PUSH 0x20
PUSH 0
PUSH 0
PUSH 4
GAS
CALL
POP
PUSH 0
CALLDATALOAD
PUSH 0
PUSH 0
RETURNDATACOPY
STOP
