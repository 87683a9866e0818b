# publish.c: test.sh:test_proxy_that_takes_nothing
# Publications wait for a proxy that takes nothing, whatever their length.
/^void publish_send/,/^}/ s/atomic_load(&p->stream.unread.bytes) < PUBLISH_BYTES_MAX/1/
