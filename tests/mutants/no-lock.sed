# journal.c: test_store
# Servers write without the lock.
/^int journal_lock/,/^}/ s/j->disk->lock(j->disk, j->lock_fd) == -1/0/
