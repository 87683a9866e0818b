# services.c: test.sh:test_same_id_is_one_message
# A message that is sent again with its id is stored again.
/^static void take_to_topic/,/^}/ s/store_seen(v->store, t, user, l.id)/0/
