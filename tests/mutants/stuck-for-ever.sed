# net.c: test.sh:test_deaf_client_is_cut
# A peer that does not read keeps its connection.
/ZMQ_TCP_MAXRT/d
