# store.c: test_store
# A checkpoint may have any number of logs to sync one by one.
s/(!s->syncs_all && s->dirty.n >= SYNC_EACH_MAX)/0/
