# store.c: test_store
# A log that was replaced under the server counts as synced.
/^static int lost_log/,/^}/ s/!log_is_gone(&s->logs, t)/1/
