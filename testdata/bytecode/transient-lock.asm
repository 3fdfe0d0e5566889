; A lock in transient storage: the contract calls itself, and the inner call finds
; it locked. The next transaction finds it open.
.call ok
.call ok
PUSH 0
TLOAD
PUSH @locked
JUMPI
PUSH 1
PUSH 0
TSTORE
PUSH 0
PUSH 0
PUSH 0
PUSH 0
PUSH 0
ADDRESS
GAS
CALL
PUSH 1
ADD
PUSH 0
SSTORE          ; slot 0 = 1 + 0
PUSH 0
PUSH 0
TSTORE
STOP
locked:
PUSH 0
PUSH 0
REVERT
