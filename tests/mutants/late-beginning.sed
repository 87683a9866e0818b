# recover.c: test_damage
# Lines with later numbers count as the beginning of a log.
/^static int begins_log/,/^}/ s/ && line_seq(entry->lines) <= 1//
