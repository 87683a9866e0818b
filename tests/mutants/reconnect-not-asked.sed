# talk.c: test_talk
# What was published while the proxy was away is not asked for.
/^static void look_at_connections/,/^}/ s/follow_again(t->follow)/(void)0/
