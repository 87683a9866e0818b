# store.c: test_store test_power
# Lines are written to the logs only.
/^int store_commit/,/^}/ s/ append_batch(s)/ 0/
