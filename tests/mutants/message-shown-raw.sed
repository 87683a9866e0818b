# output.c: test_output
# A message reaches the terminal as it came.
/^static void show_people/,/^}/ s/output_text(b, m->text)/buf_str_add(b, m->text)/
