# proxy.c: test.sh:test_subscriptions_without_end
# A connection may subscribe without end.
/^static void count_subscription/,/^}/ s/++s->said > SUBSCRIPTIONS_MAX/0/
/^static void count_subscription/,/^}/ s/subscribed > SUBSCRIPTIONS_BYTES_MAX/0/
