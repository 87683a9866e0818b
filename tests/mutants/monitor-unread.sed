# broker.c: test.sh:test_connections_that_come_and_go
# Descriptors tell of no event before everything was read once.
/servers_fd = /,/take_events/s/take_events();//
