# services.c: test.sh:test_errors
# Names are not checked.
/^static struct str name_member/,/^}/ s/!name_ok(s)/0/
