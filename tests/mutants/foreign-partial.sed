# backup.c: test.sh:test_backup_is_whole
# A directory that no backup has made is emptied.
s/^	check_partial(path);$//
