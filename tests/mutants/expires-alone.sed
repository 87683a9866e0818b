# broker.c: test_broker
# What a client sent after an expired request does not expire with it.
/^static void refuse_expired/,/^}/ s/r->client->expired == now/is_expired(r)/
