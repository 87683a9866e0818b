# store.c: test.sh:test_line_out_of_order
# history has a line that was copied to where it does not belong.
/^static int is_misplaced/,/^}/ s|return .*|return 0;|
