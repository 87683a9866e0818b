# broker.c: test_broker
# Each hello of a server costs a walk over all requests.
/^static void reclaim_requests/,/^}/ s/!s->used/0/
