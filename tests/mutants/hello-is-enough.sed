# broker.c: test_broker
# Who only says hello is given requests.
/^static int is_server/,/^}/ s/s->trial == 0 \&\& //
