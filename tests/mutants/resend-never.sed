# talk.c: test_talk
# A request whose reply was lost is not sent again.
/^static int send_one/,/^}/ s/now + RESEND_MS/INT64_MAX/
