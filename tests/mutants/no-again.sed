# broker.c: test_broker
# A request that is given again is given as if it were new.
/^static void assign/,/^}/ s/(r->assigned)/(0)/
