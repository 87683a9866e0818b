# store.c: test_store test.sh:test_too_many_topics
# There may be any number of users and channels.
/^struct topic \*store_create/,/^}/ s/> s->topics_max/== 0/
