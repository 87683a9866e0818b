# journal.c: test_store test.sh:test_directory_removed
# A server goes on in a directory that was removed.
/^static int check_removed/,/^}/ s/names > 0/1/
