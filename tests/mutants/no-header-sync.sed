# journal.c: test_power
# A new file of the journal is used before its name is on the disk.
/^static int init_segment/,/^}/ s/return sync_journal_dir(j)/return 0/
