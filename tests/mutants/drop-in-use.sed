# disk.c: test.sh:test_drop_channel
# a server that uses a directory is not noticed
s/^	int use_fd = .*/&\
	return 0;/
