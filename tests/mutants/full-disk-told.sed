# server.c: test.sh:test_full_disk
# Each batch that a full disk refuses is told, on the disk that is full.
/^static int commit_batch/,/^}/ s/warn_seldom(&refused, "commit:")/((void)refused, warn("commit:"))/
