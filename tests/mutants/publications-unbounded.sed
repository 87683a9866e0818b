# proxy.c: test.sh:test_subscribers_that_do_not_read
# Publications wait for subscribers that do not read, whatever their length.
/^static int is_full/,/^}/ s/bytes >= PUBLICATIONS_BYTES_MAX/0/
