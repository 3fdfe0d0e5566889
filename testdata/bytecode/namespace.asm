; A constant namespace as of ERC-7201 plus an offset from calldata.
.call ok 2
PUSH 1
PUSH 0
CALLDATALOAD
PUSH32 0x52c63247e1f47db19d5ce0460030c497f067ca4cebf71ba98eeadabe20bace00
ADD
SSTORE
STOP
