# disk.c: test_store
# The lock locks nobody out.
/^static int set_lock/,/^}/ s/fcntl(fd, command, &l) == -1/0/
