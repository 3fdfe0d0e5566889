; Counts until less than 50,000 gas is left, then stores the count: only an exact
; account of gas gives the value.
.call ok gas=100000
.call ok gas=100001
.call ok gas=200000
PUSH 0
next:
PUSH 1
ADD
PUSH 50000
GAS
GT
PUSH @next
JUMPI
PUSH 0
SSTORE
STOP
