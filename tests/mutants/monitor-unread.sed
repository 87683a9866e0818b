# connections.c: test.sh:test_connections_that_come_and_go
# The descriptor tells of no event before everything was read once.
/^void connections_open/,/^}/ s/(void)connections_next(c, &fd);/fd = -1;/
