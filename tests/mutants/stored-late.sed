# server.c: test.sh:test_refused_is_not_stored_late
# A server that was away stores requests that were refused meanwhile.
/^static int was_away/,/^}/ s/return .*;/return s == NULL;/
