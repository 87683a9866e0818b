# store.c: test_power
# A full file of the journal is left behind before the logs are synced.
/^int store_commit/,/^}/ s/ store_sync_logs(s) == / journal_checkpoint(s->journal) == /
