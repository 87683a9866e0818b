test_json: test_json.c check.h json.h buf.h text.h
check.h:
json.h:
buf.h:
text.h:
