# recover.c: test_damage
# The mending of a damaged log is not written to the journal first.
s/announce(s, t, &at) == -1 ||/(at = journal_end(s->journal), (void)announce, 0) ||/
