; A dispatcher that halves the range of selectors with GT before comparing.
.call ok 0x10000000
.call ok 0x90000000
.call fail 0x50000000
PUSH 0
CALLDATALOAD
PUSH 224
SHR
PUSH4 0x80000000
DUP2
GT
PUSH @high
JUMPI
PUSH4 0x10000000
EQ
PUSH @low_match
JUMPI
INVALID
high:
PUSH4 0x90000000
EQ
PUSH @high_match
JUMPI
INVALID
low_match:
PUSH 1
PUSH 0x10
SSTORE
STOP
high_match:
PUSH 1
PUSH 0x90
SSTORE
STOP
