# broker.c: test_broker
# A directory that answers nobody has all the time, though others wait.
/^static void end_first_turn/,/^}/ s/first_waiting(1) == NULL/1/
