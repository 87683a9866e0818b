# requests.c: test_broker
# A client may fill the table, and the others wait.
/^static int is_share/,/^}/ s/return part <= twice_free/return 1/
