# services.c: test.sh:test_woken_server_stores_nothing_again
# A request without an id is not recognised when it is given again.
/^static struct str id_member/,/^}/ s/return put_broker_id(\&v->scratch, j->id)/return (void)put_broker_id, NONE/
