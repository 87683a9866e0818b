# talk_list.c: test_talk
# A client asks again and again for a page that brings nothing new.
/^static void on_page/,/^}/ s/l->higher \&\&/1 \&\&/
