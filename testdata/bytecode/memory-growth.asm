; Memory grows with calldata; its size in the end names the slot, and its price
; counts against the gas.
.call ok 0
.call ok 100
.call ok 100000
.call fail 0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
PUSH 1
PUSH 0
CALLDATALOAD
MSTORE8
PUSH 1
MSIZE
SSTORE
STOP
