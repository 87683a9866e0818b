# follow.c: test_talk
# A publication is delivered although earlier ones are missing.
/^static void take_publication/,/^}/ s/is_next(t, m->seq)/m->seq > t->last/
