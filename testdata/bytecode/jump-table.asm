; A jump to a computed place: entries of seven bytes, chosen by calldata. Anything
; else lands between instructions and fails.
.call ok 0
.call ok 1
.call ok 2
.call fail 9
PUSH 0
CALLDATALOAD
PUSH 7
MUL
PUSH @table
ADD
JUMP
table:
PUSH1 10
PUSH1 0
SSTORE
STOP
second:
PUSH1 11
PUSH1 1
SSTORE
STOP
third:
PUSH1 12
PUSH1 2
SSTORE
STOP
