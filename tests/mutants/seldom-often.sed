# util.c: test_broker
# What a peer does is told each time.
/^void warn_seldom/,/^}/ s/if (s->until - now .*)$/if (0)/
