# broker.c: test_broker
# A client that was served goes first again.
/^static void take_turn/,/^}/ s/if (c->waiting.first != NULL)/if (0)/
