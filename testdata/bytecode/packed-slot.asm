; Two 128-bit numbers in one slot: the high one is replaced, the low one kept, so
; the write is also a read. The second call writes what is there already.
.storage 0 0x0000000000000000000000000000000b0000000000000000000000000000000a
.call ok 12
.call ok 12
PUSH 0
CALLDATALOAD
PUSH 128
SHL
PUSH 0
SLOAD
PUSH16 0xffffffffffffffffffffffffffffffff
AND
OR
PUSH 0
SSTORE
STOP
