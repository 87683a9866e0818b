# drop.c: test_drop
# the log is renamed only after a checkpoint may have said that it was
/s->dropping = 1;/d
s/s->dropping = 0;/if (r == 0 \&\& drop_channel(s, name, events->now.ms) == -1) r = STORE_BROKEN;/
