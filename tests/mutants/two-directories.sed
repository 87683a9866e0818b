# broker.c: test_broker
# Servers of two directories share the requests.
/^static void settle/,/^}/ s/t->directory == home/t->directory != 0/
/^static void move_home/,/^}/ s/directory != home/directory == 0/
