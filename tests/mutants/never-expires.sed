# broker.c: test_broker test.sh:test_no_server
# A request that no server answers gets no reply.
/^static int is_expired/,/^}/ s/return .*;/return r == NULL;/
