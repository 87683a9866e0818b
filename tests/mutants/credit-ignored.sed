# broker.c: test_broker
# A server is given more than it takes.
/^static int can_take/,/^}/ s/room_of(s) > 0/s->credit > 0/
