# disk.c: test_disk
# A file system that does not count blocks is full.
s/if (v.f_blocks == 0) {/if (0) {/
