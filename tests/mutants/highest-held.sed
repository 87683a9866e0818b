# follow_held.c: test_talk
# Made-up numbers leave no room for what is needed next.
/^int held_add/,/^}/ s/if (at == h->n)/if (1)/
