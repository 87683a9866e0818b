# recover.c: test_power
# What a crash has kept from the logs is not written again at the start.
/^static int redo_dirty/,/^}/ s/= store_redo(s, from)/= 0/
