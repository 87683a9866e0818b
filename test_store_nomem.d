test_store_nomem: test_store_nomem.c check.h buf.c buf.h ids.c ids.h \
 journal.c journal.h disk.h segment.h util.h logfile.c logfile.h line.h \
 topics.h logs.c logs.h recover.c store_impl.h run.h store.h run.c \
 segment.c store.c topics.c play.h model.h simdisk.h
check.h:
buf.c:
buf.h:
ids.c:
ids.h:
journal.c:
journal.h:
disk.h:
segment.h:
util.h:
logfile.c:
logfile.h:
line.h:
topics.h:
logs.c:
logs.h:
recover.c:
store_impl.h:
run.h:
store.h:
run.c:
segment.c:
store.c:
topics.c:
play.h:
model.h:
simdisk.h:
