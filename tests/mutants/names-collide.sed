# topics.c: test_topics
# Whoever chooses names knows which share a place in the table of topics.
/^static size_t bucket_index/,/^}/ s/t->seed ^ //
