# follow.c: test_talk
# Made-up messages hide those that the log will have under their numbers.
/^static void too_low/,/^}/ s/t->low_times >= LOW_TIMES/0/
