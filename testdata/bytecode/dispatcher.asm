; A linear dispatcher: selectors compared one after the other, a shared tail that
; stores, and a fallback that reverts. Each function writes a slot of its own.
.call ok 0x11111111
.call ok 0x22222222 7
.call ok 0x33333333
.call fail 0x44444444
.call fail
PUSH 4
CALLDATASIZE
LT
PUSH @fallback
JUMPI
PUSH 0
CALLDATALOAD
PUSH 224
SHR
DUP1
PUSH4 0x11111111
EQ
PUSH @first
JUMPI
DUP1
PUSH4 0x22222222
EQ
PUSH @second
JUMPI
DUP1
PUSH4 0x33333333
EQ
PUSH @third
JUMPI
fallback:
PUSH 0
PUSH 0
REVERT
first:
POP
PUSH 1          ; value
PUSH 1          ; slot
PUSH @store
JUMP
second:
POP
PUSH 4
CALLDATALOAD    ; value: the argument
PUSH 2
PUSH @store
JUMP
third:
POP
PUSH 2
SLOAD           ; value: what the second function stored
PUSH 3
store:
SSTORE
STOP
