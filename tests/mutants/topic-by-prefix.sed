# follow.c: test_talk
# What is sent to anabela is shown to ana.
/^static struct followed \*find_followed/,/^}/ s/str_eq(t->name, name)/str_eq(t->name, (struct str){ name.p, t->name.n })/
