# broker.c: test_broker
# Who only says hello is given requests.
/^static void take_hello/,/^}/ s/try_out(t)/admit(t)/
