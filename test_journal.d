test_journal: test_journal.c check.h ids.h buf.h journal.h disk.h play.h \
 model.h simdisk.h store.h line.h topics.h
check.h:
ids.h:
buf.h:
journal.h:
disk.h:
play.h:
model.h:
simdisk.h:
store.h:
line.h:
topics.h:
