# broker.c: test_broker
# Who says hello next takes the place of one that is tried out.
/^static struct trial \*trial_of/,/^}/ s/fd > 0 ? (size_t)fd : 0/0 * (size_t)fd/
