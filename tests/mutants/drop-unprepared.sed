# drop.c: test_drop
# lines of a dropped channel are left to the redo
/So that the journal has no lines/{n;s/r = .*;/r = 0;/;}
