# logs.c: test_damage
# What is cut off a log is thrown away.
/^int logs_cut/,/^}/ s/copy_aside(logs, t, good->bytes, size, &name)/0/
