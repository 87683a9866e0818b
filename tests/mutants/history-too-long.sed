# services.c: test.sh:test_history_pages
# A history reply grows without a limit.
/^static int add_to_page/,/^}/ s/ > PAGE_BYTES_MAX/ > 64 * PAGE_BYTES_MAX/
