# output.c: test_output
# What -j prints can act on a terminal.
/^void output_json_string/,/^}/ s/is_control(c)/0/
