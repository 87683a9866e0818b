# broker.c: test_broker
# Servers of two directories share the requests.
/^static int is_elsewhere/,/^}/ s/directory != home/directory == 0/
