# log.c: test.sh:test_logs_of_other_kinds
# A second hard link to a log is not reported.
/^static void report_links/,/^}/ s/names < 2/names > 0/
