# broker.c: test_broker
# The directory that just had its turn has the next one.
/^static struct trial \*first_waiting/,/^}/ s/t->passed < first->passed/t->passed > first->passed/
