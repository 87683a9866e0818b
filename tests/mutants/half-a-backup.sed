# backup.c: test.sh:test_backup_full_disk
# half a backup stays
s/if (backup.kept || backup.to == NULL)/if (backup.to != NULL)/
