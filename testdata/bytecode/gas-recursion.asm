; Counts, then calls itself with all the gas it has, 63 of 64 parts of which go
; along, until there is too little: the count depends on every gas price.
.call ok gas=300000
.call ok gas=100000
PUSH 20000
GAS
LT
PUSH @end
JUMPI
PUSH 0
SLOAD
PUSH 1
ADD
PUSH 0
SSTORE
PUSH 0
PUSH 0
PUSH 0
PUSH 0
PUSH 0
ADDRESS
GAS
CALL
end:
STOP
