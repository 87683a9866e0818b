# store.c: test_store
# A log that was replaced before a checkpoint is written to after it.
/^static int measure/,/^}/ s/ || log_is_gone(&s->logs, t)//
/^static int lost_log/,/^}/ s/!log_is_gone(&s->logs, t)/1/
