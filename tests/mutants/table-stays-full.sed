# broker.c: test_broker
# While there are too many requests nobody is cut, and no more are read.
s/requests_room(&table)/& \&\& !requests_full(\&table)/
