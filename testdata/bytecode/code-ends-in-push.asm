; The last PUSH lacks its data, which is zero, and running off the end stops.
.call ok
PUSH 1
PUSH 1
SSTORE
DATA 0x61ff
