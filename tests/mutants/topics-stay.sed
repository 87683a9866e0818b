# store.c: test_store
# The new topics of a batch that was refused stay known.
/^static void roll_back/,/^}/ s/!t->created/0/
