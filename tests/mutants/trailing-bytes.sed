# json.c: test_json
# What follows a JSON text is ignored.
/^static const char \*read_text/,/^}/ s/p == s->end ?/p <= s->end ?/
