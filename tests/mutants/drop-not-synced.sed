# drop.c: test_drop
# the new name of a dropped log is not synced before the checkpoint
s/s->new_names = 1;/s->new_names = 0;/
