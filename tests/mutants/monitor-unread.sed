# broker.c: test.sh:test_connections_that_come_and_go
# The events of the back port are never read.
/^static void take_ended/,/^}/ s/net_recv(monitor, &event)/0/
