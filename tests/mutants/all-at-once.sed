# server.c: test.sh:test_flood_of_history
# All long answers of a batch are given before the next requests are taken.
/^static int may_give/,/^}/ s/ \&\&$/;/;/^static int may_give/,/^}/ s/^	    s->on_the_way.*$//
/^static void give_answers/,/^}/ s/ \&\& s->answers.n < ANSWERS_BYTES \&\&/)/;/^static void give_answers/,/^}/ s/^	    ticks_ms() - start < ANSWERS_MS)$//
