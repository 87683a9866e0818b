# talk.c: test_talk
# What was under way when the connection broke is not sent again at once.
/^static void look_at_broker/,/^}/ s/make_all_due(t)/(void)make_all_due/
