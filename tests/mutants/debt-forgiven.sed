# turns.c: test_turns
# A client that had a long answer gets the next one as soon as others.
/^struct job turns_next/,/^}/ s/c->left += TURNS_SHARE/c->left = TURNS_SHARE/
