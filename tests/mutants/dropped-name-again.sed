# recover.c: test_drop test.sh:test_drop_channel
# the names of dropped channels are not remembered
s/(name_from_dropped(&s->path, file) == -1 \&\& !s->path.err)/1/
