# follow.c: test_talk
# What history has delivered is delivered again when it is published.
/^static void take_publication/,/^}/ s/m->seq <= t->last)/0)/
/^static void take_publication/,/^}/ s/is_next(t, m->seq)/m->seq <= t->last + 1/
