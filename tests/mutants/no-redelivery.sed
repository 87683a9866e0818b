# broker.c: test_broker
# What a server that died had is not given to another one.
/^static void reclaim_requests/,/^}/ s/^		request_wait(r);/		if (r->assigned)\n			continue;\n&/
