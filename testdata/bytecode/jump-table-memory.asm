; A jump to a place loaded from a table in the code, by CODECOPY and MLOAD.
.call ok 0
.call ok 1
PUSH 2
PUSH 0
CALLDATALOAD
PUSH 1
SHL
PUSH @table
ADD
PUSH 30
CODECOPY
PUSH 0
MLOAD
JUMP
first:
PUSH 1
PUSH 1
SSTORE
STOP
second:
PUSH 2
PUSH 2
SSTORE
STOP
table::
DATA @first
DATA @second
