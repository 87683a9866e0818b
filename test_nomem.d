test_nomem: test_nomem.c check.h line.h buf.h text.h buf.c json.c json.h
check.h:
line.h:
buf.h:
text.h:
buf.c:
json.c:
json.h:
