# follow.c: test_talk
# A number that history does not confirm is asked for again and again.
/^static void plan_next/,/^}/ s/held_refute(&t->held, newest, t->asked)/0/
