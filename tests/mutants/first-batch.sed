# journal.c: test_power
# The journal's very first batch is not written to the logs again.
/^static int replay_segment/,/^}/ s/at < stop \&\&/at < stop \&\& at != 0 \&\&/
