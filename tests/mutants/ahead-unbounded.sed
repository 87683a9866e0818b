# follow.c: test_talk
# Made-up messages are delivered without end.
/^static int is_next/,/^}/ s/t->last - t->sure < AHEAD_MAX/1/
