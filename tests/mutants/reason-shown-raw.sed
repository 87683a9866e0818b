# client_ask.c: test_output
# The reason in an error reply reaches the terminal as it came.
/^int client_failed/,/^}/ s/put_visible(\&b, a->reason)/buf_str_add(\&b, a->reason)/
