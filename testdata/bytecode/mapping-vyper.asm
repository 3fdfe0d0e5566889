; HashMap[address, uint256] at slot 3 in Vyper's order, keccak(slot, key).
.call ok
PUSH 3
PUSH 0
MSTORE
CALLER
PUSH 0x20
MSTORE
PUSH 0x40
PUSH 0
KECCAK256
DUP1
SLOAD
PUSH 1
ADD
SWAP1
SSTORE
STOP
