# broker.c: test_broker
# Where one answers nothing, the next of its kind is tried.
/^static void mark_silent/,/^}/ s/if (!has_served(home))/if (0)/
