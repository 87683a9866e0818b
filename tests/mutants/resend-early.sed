# talk.c: test_talk
# A request is sent again while its reply may still be on the way.
/^static int send_one/,/^}/ s/now + RESEND_MS/now + RESEND_MS \/ 2/
