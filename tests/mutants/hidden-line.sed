# log.c: test_damage
# A damaged newline takes the good line after it along.
/^static int\|^static size_t hidden_line/,/^}/ s/^			return i;/			continue;/
