; mapping(address => mapping(uint256 => uint256)) at slot 4: the hash of the outer
; key is the slot of the inner one.
.call ok 5 77
.call ok 6 78
PUSH 4
PUSH 0x20
MSTORE
CALLER
PUSH 0
MSTORE
PUSH 0x40
PUSH 0
KECCAK256
PUSH 0x20
MSTORE
PUSH 0
CALLDATALOAD
PUSH 0
MSTORE
PUSH 0x20
CALLDATALOAD    ; value
PUSH 0x40
PUSH 0
KECCAK256
SSTORE
STOP
