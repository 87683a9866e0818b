# segment.c: test_damage
# A header's start is believed against the records.
/^static int is_contradicted/,/^}/ s/return read_any/return 0 \&\& read_any/
