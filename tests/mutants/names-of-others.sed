# recover.c: test_power
# The names of logs that another server has made are not synced.
/^static int replay_entry/,/^}/ s/s->new_names = 1/(void)0/
/^static struct topic \*topic_of_entry/,/^}/ s/s->new_names = 1/(void)0/
/^int store_redo(/,/^}/ s/s->new_names = 1/(void)0/
