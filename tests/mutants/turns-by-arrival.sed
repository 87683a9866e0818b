# turns.c: test_turns
# Who asks for a lot has all of it before others are answered.
/^struct job turns_next/,/^}/ s/left <= 0/left < INT64_MIN \/ 2/
