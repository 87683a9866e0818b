# client_send.c: test.sh:test_client_stdin
# What follows a line that was refused is sent.
/^static void send_lines/,/^}/ s/s->bad == 0 \&\& window_open/window_open/
