# broker.c: test_broker
# Who is refused may send on, however much it is.
/^static void take_refused/,/^}/ s/refused > REFUSED_BYTES/0/
