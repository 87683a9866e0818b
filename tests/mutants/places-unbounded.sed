# connections.c: test.sh:test_more_peers_than_places
# One address can have all places.
s/count_of(c, address) >= c->max - c->count/c->count >= c->max/
