# logck.c: test.sh:test_logck_knows_the_next_start
# What to do about a copy that ends in half a line is not said.
/^static void check_lines/,/^}/ s/c->reader.whole ? "" : IF_COPY/""/
