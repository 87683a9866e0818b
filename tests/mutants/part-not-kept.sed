# requests.c: test_broker
# Newcomers leave nothing to those that were there before.
/^static int is_share/,/^}/ s/(c->answered \&\& /(0 \&\& /
