# follow.c: test_talk
# A publication without a number is shown although the server numbers them.
/^static void take_publication/,/^}/ s/m->seq == 0 && !t->follow->works/m->seq == 0/
