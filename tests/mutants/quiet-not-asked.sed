# follow.c: test_talk
# What was lost at the end of a burst is never asked for.
/^static void stay_quiet/,/^}/ s/ask_in(t, t->quiet)/ask_at(t, INT64_MAX)/
