; ecrecover of a signature from calldata; the signer names the slot. A signature
; that is none returns nothing, and memory keeps what it held.
.call ok 0x456e9aea5e197a1f1af7a3e85a3212fa4049a3ba34c2289b4c860fc0b0c64ef3 28 0x9242685bf161793cc25603c231bc2f568eb630ea16aa137d2664ac8038825608 0x4f8ae3bd7535248d0bd448298cc2e2071e56992d0774dc340c368ae950852ada
.call ok 1 27 0 0
PUSH 0x80
PUSH 0
PUSH 0
CALLDATACOPY
PUSH 0x20
PUSH 0x80
PUSH 0x80
PUSH 0
PUSH 1
GAS
STATICCALL
PUSH 0x80
MLOAD
SSTORE
STOP
