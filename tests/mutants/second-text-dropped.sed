# follow.c: test_talk
# A made-up message that is held hides the one of the log.
/^static void keep/,/^}/ s/ == 1)/ == 2)/
