# store.c: test_store test_power
# What other servers have stored is not looked at.
/^static int take_over/,/^}/ s/journal_follow(s->journal, store_replay, s)/0/
