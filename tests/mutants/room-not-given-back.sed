# store.c: test_faults
# Once the disk was full, it is for ever.
/^static void catch_up/,/^}/ s/store_redo(s, from) != 0/s->behind_errno = errno, 0/
