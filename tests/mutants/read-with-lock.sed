# journal.c: test_store
# A server that starts reads the whole journal while the others wait.
/^static int open_locked/,/^}/ s/r = read_ahead(j, each, ctx)/r = 0/
