# recover.c: test_power
# The names of logs that another server has made are not synced.
/^int learn/,/^}/ s/s->new_names = 1/(void)0/
/^static struct topic \*topic_of_run/,/^}/ s/s->new_names = 1/(void)0/
/^int redo(/,/^}/ s/s->new_names = 1/(void)0/
