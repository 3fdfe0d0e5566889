; Pointer chasing: each slot names the next, so every key but the first depends on
; a value. The second call changes where the third one goes.
.storage 0 0x10
.storage 0x10 0x20
.storage 0x20 0x30
.storage 0x40 0x50
.call ok
.call ok 0x40
.call ok
PUSH 0
SLOAD
SLOAD
SLOAD
PUSH 1
ADD
PUSH 0x30
SSTORE
CALLDATASIZE
PUSH @redirect
JUMPI
STOP
redirect:
PUSH 0
CALLDATALOAD
PUSH 248
SHR
PUSH 0x10
SSTORE
STOP
