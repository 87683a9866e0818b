# follow.c: test_talk
# Each number that is made up costs a request.
/^static void verify_in/,/^}/ s/at < t->verify_from/0/
