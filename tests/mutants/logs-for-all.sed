# disk.c: test_store
# Everybody on the machine can read the logs.
s/: 0), 0640);/: 0), 0644);/
