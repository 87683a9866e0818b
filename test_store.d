test_store: test_store.c check.h journal.h buf.h disk.h play.h model.h \
 simdisk.h store.h line.h topics.h util.h
check.h:
journal.h:
buf.h:
disk.h:
play.h:
model.h:
simdisk.h:
store.h:
line.h:
topics.h:
util.h:
