# follow.c: test_talk
# A made-up text hides the one that the log has under its number.
/^static int is_other/,/^}/ s/mark != mark_of(t, m)/0/
