# requests.c: test_broker
# What a client sent before it heard of a refusal is taken.
/^int requests_count/,/^}/ s/ || t->now < c->refuse_until//
