# directory.c: test_store
# A damaged number of the directory is taken for whatever it looks like.
/^static int read_id/,/^}/ s/ \*id != 0 &&$/ 1) return 0; if (0 \&\&/
