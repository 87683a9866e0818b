# broker.c: test_broker
# Only long answers count.
/^static void send_answer/,/^}/ s/!fits_unread(c, text.n + extra)/text.n > 1024 \&\& &/
