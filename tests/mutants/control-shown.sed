# text.c: test_json
# Control characters from others reach the terminal.
/^void put_visible/,/^}/ s/is_control(c)/0/
