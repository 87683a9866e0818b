# proxy.c: test.sh:test_malformed_publications
# What is not a topic and a body is carried.
/^static void move_message/,/^}/ s/net_more(body)/0/
/^static void move_message/,/^}/ s/n > 0 && n <= NAME_BYTES_MAX && //
