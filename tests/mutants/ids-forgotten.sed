# recover.c: test_store test_power
# Ids are not remembered over a restart, nor between servers.
/^static int replay_entry/,/^}/ s/line.id.n > 0/0/
