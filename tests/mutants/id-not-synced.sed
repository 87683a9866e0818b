# directory.c: test_power
# A new number of the directory is told before its name is on the disk.
/^int directory_id/,/^}/ s/d->sync_dir(d, DISK_ROOT) == -1/0/
