# recover.c: test_store
# A start opens all logs that the journal knows while others wait.
/^static void forget_checkpointed/,/^}/ s/t->loaded = 0;/& (void)log_open(\&s->logs, t, 0);/
