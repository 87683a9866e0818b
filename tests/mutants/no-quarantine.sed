# log.c: test_damage
# What is cut off a log is thrown away.
/^int log_quarantine/,/^}/ s/copy_to_quarantine(logs, t, good->bytes, size, &name)/0/
