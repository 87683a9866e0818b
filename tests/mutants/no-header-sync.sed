# journal.c: test_power
# A new file of the journal is used before its name is on the disk.
/^static int init_segment/,/^}/ s/ || j->disk->sync_dir(j->disk, DISK_JOURNAL) == -1//
