# server.c: test.sh:test_refused_is_not_published
# Messages are published before they are on the disk.
/^static void store_batch/,/^}/ s/^	failed = commit_batch(v);/	publish_send(\&v->publications, s->pub);\n&/
