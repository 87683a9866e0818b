# requests.c: test_broker
# A client may fill the table, and the others wait.
/^static int over_share/,/^}/ s/c->requests > 2 \*/0 \&\& c->requests > 2 */
