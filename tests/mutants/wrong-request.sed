# requests.c: test_broker
# A late answer is taken for that of another request.
/^struct request \*requests_find/,/^}/ s/count != id.count/count == 0/
