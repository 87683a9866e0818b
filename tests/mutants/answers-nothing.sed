# broker.c: test_broker
# A server that beats may keep its requests for ever.
/^static void mark_silent/,/^}/ s/s->open > 0/0/
