# json.c: test_json
# Half of a surrogate pair is taken for a character.
/^static size_t escape_next/,/^}/ s/^	    low < 0xdc00 || low > 0xdfff)/	    0)/
