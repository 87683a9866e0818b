# broker.c: test.sh:test_envelopes
# The first frame of the envelope does not come back.
/^static void send_answer(/,/^}/ s/for (int i = 0;/for (int i = 1;/
