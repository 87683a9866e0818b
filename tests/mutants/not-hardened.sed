# Makefile: test.sh:test_hardened
# programs are built without a guard on their stacks
s/-fstack-protector-strong //
