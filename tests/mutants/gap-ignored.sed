# follow.c: test_talk
# A publication is delivered although earlier ones are missing.
/^static void take_publication/,/^}/ s/m->seq == t->last + 1/m->seq > t->last/
