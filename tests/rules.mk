# tests/rules.mk: how the tests are built and run; part of the Makefile.
TESTS = $(patsubst tests/%.c,%,$(wildcard tests/test_*.c))
TOOLS = json_check zraw rude soak_load
FUZZERS = fuzz_json fuzz_line
# The simulated disk, and what acts on it.
KIT   = sim_disk sim_crash oracle scenario

SANITIZE = -O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer \
	-fno-sanitize-recover=undefined

everything: all $(TESTS:%=$(OBJ)/%) $(TOOLS:%=$(OBJ)/%)

test: everything
	@OUT='$(OUT)' ./test.sh

# The same under the sanitizers. They are slow there: of the steps at which
# power is lost or a call fails every seventh is tried.
check-san:
	@STRIDE=$${STRIDE:-7} $(MAKE) OUT=san CFLAGS='$(SANITIZE)' test

# Kills everything, again and again; tests/soak.sh says what else can be set.
CYCLES = 300
soak: everything
	@CYCLES=$(CYCLES) tests/soak.sh

# Plants bugs, one at a time, and runs the tests that must notice.
mutants:
	@tests/mutants.sh

# Seconds for each.
FUZZ = 30
fuzz:
	@$(MAKE) OUT=fuzz CC=clang LDFLAGS=-fsanitize=fuzzer \
		CFLAGS='-O1 -g -fsanitize=fuzzer-no-link,address,undefined' \
		$(FUZZERS:%=fuzz/build/%)
	cd fuzz && for f in $(FUZZERS); do \
		build/$$f -max_total_time=$(FUZZ) -print_final_stats=0 \
			-verbosity=0 || exit 1; done

tidy:
	clang-tidy --quiet ./*.c tests/*.c bench/*.c -- $(STD)

$(OBJ)/%.o: tests/%.c | $(OBJ)/deps.ok
	$(COMPILE) -c -o $@ $<

$(OBJ)/kit.a: $(KIT:%=$(OBJ)/%.o)
	@rm -f $@
	$(AR) -rc $@ $^

$(patsubst %,$(OBJ)/%,$(TESTS) $(TOOLS) $(FUZZERS)): $(OBJ)/%: $(OBJ)/%.o \
    $(OBJ)/kit.a $(OBJ)/recado.a
	$(LINK) -o $@ $^ $(ZMQ_LIBS)

clean::
	rm -rf san fuzz

.PHONY: everything test check-san soak mutants fuzz tidy
