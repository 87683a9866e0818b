# services.c: test.sh:test_history_pages
# A history reply grows without a limit.
/^static int add_to_page/,/^}/ s/ > HISTORY_BYTES_MAX/ > 64 * HISTORY_BYTES_MAX/
