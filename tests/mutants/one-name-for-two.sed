# services.c: test.sh:test_errors
# A user can have the name of a channel.
/^static int create_user/,/^}/ s/store_has(v->store, TOPIC_CHANNEL, user)/0/
