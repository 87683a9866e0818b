# services.c: test.sh:test_errors
# An error reply does not name the service it is for.
/^static void answer_refused/,/^}/ s/j->service != NULL/0/
