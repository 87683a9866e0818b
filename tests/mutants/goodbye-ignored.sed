# broker.c: test_broker
# A server that said goodbye is given requests.
/^static int can_take/,/^}/ s/!s->leaving \&\&/1 \&\&/
