; 0x5b within the data of a PUSH looks like a target and is none.
.call ok 0
.call fail 1
PUSH 0
CALLDATALOAD
PUSH @skip
JUMPI
STOP
skip:
PUSH @data
PUSH 1
ADD
JUMP
data::
PUSH1 0x5b
STOP
