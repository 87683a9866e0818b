# broker.c: test.sh:test_visitors
# What a connection had said before it was cut is answered.
/^static int take_request/,/^}/s/if (r->client->cut ||.*/if (0) {/
