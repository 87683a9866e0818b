# broker.c: test_broker
# A server takes as many requests as it says.
/^static void take_hello/,/^}/ s/credit < CREDIT ? credit : CREDIT/credit/
