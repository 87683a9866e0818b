# publish.c: test.sh:test_publications_in_order
# The publications of a batch are sent last to first.
/^void publish_send/,/^}/ {
	s/for (size_t i = 0; i < p->n; i++) {/at += p->text.n;\n	for (size_t i = p->n; i-- > 0;) {/
	s/^		\/\* An XPUB/		at -= topic + object;\n&/
	s/^		at += topic + object;//
}
