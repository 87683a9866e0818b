# services.c: test.sh:test_history_pages
# History leaves out the first message after the seq it is asked for.
/^static const char \*answer_history/,/^}/ s/store_read(v->store, j->topic, after,/store_read(v->store, j->topic, after + 1,/
