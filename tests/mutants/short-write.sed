# store.c: test_faults
# Half a line is left where a write was short.
/^static int write_log/,/^}/ s/(void)s->disk->truncate(s->disk, t->log.fd, t->now.bytes)/(void)0/
