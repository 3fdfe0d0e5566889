; CREATE2 with the salt from calldata; the address is also computed by hand and
; both must agree. The second time the address is taken.
.call ok 1
.call ok 2
.call fail 1
PUSH 0x600160015500
PUSH 0xd0
SHL             ; init: slot 1 = 1, returns no code
PUSH 0
MSTORE
PUSH 6
PUSH 0
KECCAK256       ; hash of the init code
PUSH 0
CALLDATALOAD    ; salt
PUSH 6
PUSH 0
PUSH 0
CREATE2
DUP1
ISZERO
PUSH @taken
JUMPI
DUP1
PUSH 0
CALLDATALOAD
SSTORE          ; slot salt = address
SWAP1           ; hash, address
PUSH 0x75
MSTORE          ; hash at 0x75
PUSH 0
CALLDATALOAD
PUSH 0x55
MSTORE          ; salt at 0x55
ADDRESS
PUSH 0x35
MSTORE          ; self, of which the last 20 bytes matter, ends at 0x55
PUSH 0xff
PUSH 0x40
MSTORE8
PUSH 0x55
PUSH 0x40
KECCAK256
PUSH20 0xffffffffffffffffffffffffffffffffffffffff
AND
EQ
PUSH @agreed
JUMPI
taken:
INVALID
agreed:
STOP
