# broker.c: test_broker
# Who only says hello keeps its place.
/^static struct server \*free_place/,/^}/ s/return stranger;/return NULL;/
