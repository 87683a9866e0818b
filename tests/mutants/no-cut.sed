# recover.c: test_damage
# What is no line stays at the end of a log.
/^static int cut_behind/,/^}/ s/size > t->next.bytes ?/0 ?/
