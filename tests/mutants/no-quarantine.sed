# log.c: test_damage
# Bytes that are cut off a log are thrown away.
/^int log_quarantine/,/^}/ s/copy_to_quarantine(logs, t, good->bytes, size, &name)/0/
