# recover.c: test_store test_power
# Ids are not remembered over a restart, nor between servers.
/^int store_replay/,/^}/ s/line.id.n > 0/0/
