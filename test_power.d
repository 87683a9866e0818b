test_power: test_power.c check.h play.h model.h simdisk.h buf.h disk.h \
 store.h line.h topics.h
check.h:
play.h:
model.h:
simdisk.h:
buf.h:
disk.h:
store.h:
line.h:
topics.h:
