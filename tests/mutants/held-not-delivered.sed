# follow.c: test_talk
# What was held for a late publication is not delivered after it.
/^static void take_next/,/^}/ s/drain_held(t)/(void)0/
