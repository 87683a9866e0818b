# broker.c: test.sh:test_forged_answers
# Any peer of the back port can answer any request.
/^static void take_answer(/,/^}/ s/r->server != s/0/
/^static void take_said/,/^}/ s/^	else if (s == NULL)/	else if (letter == 'A' \&\& s == NULL) {\n		static struct server stranger;\n		take_answers(\&stranger, said);\n	} else if (s == NULL)/
