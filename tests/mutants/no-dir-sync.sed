# store.c: test_power
# A checkpoint is recorded before the names of new logs are on the disk.
/^static int sync_names/,/^}/ s/s->disk->sync_dir(s->disk, (enum disk_dir)dir) == -1/0/
