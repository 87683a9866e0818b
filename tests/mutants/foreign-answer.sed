# broker.c: test_broker
# Any server can answer what another one was given.
/^static void take_answer(/,/^}/ s/r->server != s/0/
