# connections.c: test.sh:test_more_peers_than_places
# Strangers that stay keep a server of their address out.
/^static int give_way/,/^}/ s/c->gives_way/0/
