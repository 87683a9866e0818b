# follow.c: test_talk
# Whoever publishes all the time keeps history from being asked.
/^static void put_off_asking/,/^}/ s/at > t->since + QUIET_MS_MAX/0/
