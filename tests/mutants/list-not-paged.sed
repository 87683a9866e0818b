# talk_list.c: test_talk test.sh:test_long_lists
# A client takes the first page for the whole list.
/^static void on_page/,/^}/ s/JSON_TRUE/JSON_NULL/
