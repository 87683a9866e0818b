# server.c: test.sh:test_full_disk
# What could not be stored is answered OK.
/^static void answer_batch/,/^}/ s/j, failed,/j, 0 * failed,/
