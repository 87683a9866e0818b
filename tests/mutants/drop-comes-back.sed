# recover.c: test_drop
# a dropped channel comes back with what the journal has of it
s/sync.at >= checkpoint && !is_gone(s, t);/sync.at >= checkpoint;/
