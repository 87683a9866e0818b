# requests.c: test_broker
# What comes after a refused request is taken when there is room again.
/^int requests_count/,/^}/ s/return c->refused ||.*/return over_share(t, c) ? -1 : 0;/
