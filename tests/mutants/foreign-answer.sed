# broker.c: test_broker
# Any server can answer what another one was given.
/^static void take_answers/,/^}/ s/r->server != s/0/
