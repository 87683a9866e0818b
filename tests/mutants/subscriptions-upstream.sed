# proxy.c: test.sh:test_subscriptions_stay_in_the_proxy
# The proxy passes subscriptions on to the servers.
/^static void count_subscriptions/,/^}/ s/net_drop_rest(out, \&frame);/(void)net_send(in, \&frame, 0), (void)zmq_msg_init(\&frame);/
