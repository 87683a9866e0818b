# requests.c: test_broker
# The broker takes more requests than it has room for.
/^int requests_room/,/^}/ s/t->kept < REQUESTS_MAX/1/
