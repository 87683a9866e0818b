# broker.c: test_broker
# An answer gives no credit back.
/^static void take_answer(/,/^}/ s/s->open--/(void)0/
