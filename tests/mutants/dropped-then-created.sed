# services.c: test.sh:test_drop_channel
# the reason does not say that a channel of that name was dropped
/store_has(v->store, TOPIC_DROPPED, name)/s/store_has/0 \&\& store_has/
