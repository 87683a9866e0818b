# services.c: test.sh:test_long_lists
# A list of names grows without a limit.
/^static void put_names/,/^}/ s/ > bytes_max/ > 64 * bytes_max/
