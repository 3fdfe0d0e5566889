; SHA-256, RIPEMD-160 and identity of the calldata, each result a slot.
.call ok 0x68656c6c6f
.call ok
CALLDATASIZE
PUSH 0
PUSH 0
CALLDATACOPY
PUSH @sha_done
PUSH 2
PUSH @hash
JUMP
sha_done:
PUSH @ripemd_done
PUSH 3
PUSH @hash
JUMP
ripemd_done:
PUSH @identity_done
PUSH 4
PUSH @hash
JUMP
identity_done:
STOP
hash:           ; return precompile =>
PUSH 0x20
PUSH 0x400
CALLDATASIZE
PUSH 0
DUP5
GAS
STATICCALL
PUSH 0x400
MLOAD
SSTORE
POP
JUMP
