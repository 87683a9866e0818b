# requests.c: test_broker
# An answer with the count of a free row finds that row.
/^struct request \*requests_find/,/^}/ s/id.count == 0 || //
