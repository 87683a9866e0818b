# server.c: test.sh:test_refused_is_not_published
# What could not be stored is published all the same.
/^static int commit_batch/,/^}/ s/^	publish_forget(.*$//
