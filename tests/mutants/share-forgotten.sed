# requests.c: test_broker
# What comes after a refused request is taken when there is room again.
/^int requests_count/,/^}/ s/c->refused ? -1/over_share(t, c) ? -1/
