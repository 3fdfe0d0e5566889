; Takes one way with much gas left and another with little.
.call ok gas=100000
.call ok gas=60000
PUSH 50000
GAS
GT
PUSH @rich
JUMPI
PUSH 1
PUSH 1
SSTORE
STOP
rich:
PUSH 2
PUSH 2
SSTORE
STOP
