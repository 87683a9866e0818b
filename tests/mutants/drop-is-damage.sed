# logck.c: test.sh:test_drop_channel
# what the journal still has of a dropped channel counts as missing
s/l->dropped = dir == DISK_CHANNELS/l->dropped = 0 \&\& dir/
