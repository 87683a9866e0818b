# store.c: test_power
# The logs are said to have a batch before it was written to them.
/^static void apply_batch(/,/^}/ s/^	for (size_t i = 0;/	journal_set_applied(s->journal);\n&/
