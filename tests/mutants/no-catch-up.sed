# store.c: test_power
# A server that died between journal and logs: nobody writes its lines to the logs.
/^static int take_over/,/^}/ s/catch_up(s)/(void)0/
