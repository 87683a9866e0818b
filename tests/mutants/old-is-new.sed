# follow.c: test_talk
# A publication with an old number makes a topic begin there.
/^static uint64_t old_messages/,/^}/ s/newest - h->one\[i\].seq < most/1/
