# store.c: test_store test_power
# Lines are written to the logs only.
/^int store_commit/,/^}/ s/journal_append(s->journal, buf_str(&s->payload), s->lines)/0/
