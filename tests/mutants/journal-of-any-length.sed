# journal.c: test_store
# A journal full of long messages takes a start minutes to read.
/^static int is_long_ago/,/^}/ s/newest(j)->start - s->start >= /0 \&\& /
