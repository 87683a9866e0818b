# services.c: test.sh:test_services
# A reply does not name its service.
/^static const char \*answer_accepted/,/^}/ s/j->service->name/""/
