# broker.c: test_broker
# A client that floods is refused as fast as it can.
/^static int take_all_requests/,/^}/ s/taking_from = .*;/taking_from = 0;/
