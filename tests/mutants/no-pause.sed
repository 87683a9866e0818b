# talk.c: test_talk
# After "servidor indisponível" new requests go before the refused ones.
/^static void take_reply/,/^}/ s/p->due = t->pause = /p->due = /
