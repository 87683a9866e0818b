# store.c: test_faults
# A sync of a log fails, and the store goes on.
/^static int sync_each/,/^}/ s/return STORE_BROKEN/continue/
