# disk.c: test.sh:test_logs_of_other_kinds
# A log that is a symbolic link is refused without a word.
/^static int is_wrong_kind/,/^}/ s/return .*/return 0;/
