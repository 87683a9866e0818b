# broker.c: test_broker
# A server that hangs is waited for, for ever.
/^static void mark_silent/,/^}/ s/>= DEAD_MS/< 0/
