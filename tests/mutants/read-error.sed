# segment.c: test_damage
# A read error in the journal is taken for its end.
/^static int find_record(/,/^}/ s/got == -1 ? SEGMENT_FAILED : SEGMENT_INVALID/SEGMENT_INVALID/
