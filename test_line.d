test_line: test_line.c check.h line.h buf.h text.h
check.h:
line.h:
buf.h:
text.h:
