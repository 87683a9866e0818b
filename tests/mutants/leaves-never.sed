# server.c: test.sh:test_server_stops_without_its_broker
# A server waits for its broker to take its answers, however long.
s/while (ticks_ms() < until && (s->turns.n > 0/while ((s->turns.n > 0/
