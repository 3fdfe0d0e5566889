; A mapping with a seed: 20 bytes of address and 12 of seed in one preimage of 32,
; written as assembly libraries do, with overlapping stores.
.call ok 9
PUSH4 0x87a211a2
PUSH 0x0c
MSTORE
CALLER
PUSH 0
MSTORE
PUSH 0
CALLDATALOAD
PUSH 0x20
PUSH 0x0c
KECCAK256
SSTORE
STOP
