# recover.c: test_damage
# Bytes that are not a line stay at the end of a log.
/^static int cut_log/,/^}/ s/size <= t->batch.next.bytes/1/
