# tests/rules.mk: how the tests are built and run; part of the Makefile.
TESTS = $(patsubst tests/%.c,%,$(wildcard tests/test_*.c))
TOOLS = json_check zraw rude soak_load
FUZZERS = fuzz_json fuzz_line fuzz_request fuzz_recover fuzz_follow \
	fuzz_broker fuzz_server
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

# Seconds for each, two at a time. A target begins with what is in
# tests/seeds, and with what it has found before, in fuzz/corpus; an input that
# breaks a promise is left in fuzz.
FUZZ = 30
FUZZ_JOBS = 2
fuzz:
	@$(MAKE) OUT=fuzz CC=clang LDFLAGS=-fsanitize=fuzzer \
		CFLAGS='$(SANITIZE) -fsanitize=fuzzer-no-link' \
		$(FUZZERS:%=fuzz/build/%)
	@$(MAKE) -s -k -j $(FUZZ_JOBS) $(FUZZERS:%=run_%)

# stderr is closed: the programs complain of their input, as they should.
run_fuzz_%:
	@mkdir -p fuzz/corpus/$* tests/seeds/$*
	@cd fuzz && build/fuzz_$* -max_total_time=$(FUZZ) -max_len=4096 \
		-close_fd_mask=2 corpus/$* ../tests/seeds/$* >$*.log 2>&1 || { \
		tail -n 40 $*.log; echo "fuzz_$* failed"; exit 1; }
	@awk '$$2 == "DONE" { print "fuzz_$*:", $$1, "runs,", $$3, $$4 }' \
		fuzz/$*.log

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
