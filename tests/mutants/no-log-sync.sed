# store.c: test_power
# A checkpoint is recorded before the logs are synced.
/^static int sync_dirty/,/^}/ s/= sync_each(s)/= 0/
