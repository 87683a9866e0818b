# broker.c: test_broker
# The place of a directory that has served is the next one's.
/^static int has_served/,/^}/ s/return .*;/return directory == 0;/
