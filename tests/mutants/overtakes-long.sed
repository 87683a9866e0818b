# server.c: test.sh:test_answers_keep_their_order
# A short answer goes past a long one of the same client.
/^static void answer_batch/,/^}/ s/ || turns_has(.*$/ || 0)/
