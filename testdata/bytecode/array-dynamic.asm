; uint256[] at slot 7: the element at the old length is written at keccak(7) plus
; that length, then the length is raised.
.storage 7 2
.call ok 99
.call ok 98
PUSH 7
PUSH 0
MSTORE
PUSH 0
CALLDATALOAD
PUSH 7
SLOAD
PUSH 0x20
PUSH 0
KECCAK256
ADD
SSTORE
PUSH 7
SLOAD
PUSH 1
ADD
PUSH 7
SSTORE
STOP
