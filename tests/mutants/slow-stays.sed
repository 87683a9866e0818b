# proxy.c: test.sh:test_subscribers_that_do_not_read
# Subscribers that take too little are not cut.
/^		cut_slow(/d
