# talk.c: test_talk
# A new request is sent before older ones that wait.
/^void talk_request/,/^}/ s/ || t->unsent//
