# broker.c: test_broker
# Many that do not read may leave no room for others.
/^static void bound_unread/,/^}/ s/table.unread.bytes >= UNREAD_BYTES_CUT/0/
