# client_sub.c: test.sh:test_sub_counts_and_waits
# sub -s begins one message too late.
/^static void follow_all/,/^}/ s/c->after, tail/c->after + 1, tail/
