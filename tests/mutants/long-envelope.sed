# broker.c: test_broker
# An envelope may be as long as its frames may.
/^static size_t take_frames/,/^}/ s/envelope + n > ENVELOPE_BYTES_MAX/0/
