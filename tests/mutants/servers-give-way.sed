# connections.c: test.sh:test_more_peers_than_places
# A server gives way to strangers.
/^static int give_way/,/^}/ s/!p->kept/1/
