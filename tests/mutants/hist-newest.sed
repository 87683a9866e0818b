# client_hist.c: test.sh:test_client_commands
# hist -n shows one message less.
/^static uint64_t begin_after/,/^}/ s/h->newest - count :/h->newest - count + 1 :/
