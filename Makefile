# recado: see README.md. CFLAGS, CPPFLAGS, LDFLAGS and CC are the caller's; no target needs bash.
CC     = cc
CFLAGS = -O3 -g
STD    = -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wpedantic -Wshadow -Wconversion \
	-Wmissing-prototypes -Wstrict-prototypes -Wvla -Wwrite-strings
ZMQ_CFLAGS = `pkg-config --cflags libzmq 2>/dev/null`
ZMQ_LIBS   = `pkg-config --libs libzmq 2>/dev/null || echo -lzmq`
SANITIZE   = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

PROGRAMS = broker proxy server client bot logck
TESTS    = $(patsubst %.c,%,$(wildcard test_*.c))
TOOLS    = json_check zraw soak_load
# What several programs share. The linker takes from the archive what a program uses; what stands in
# the last line is used by tests alone.
SHARED   = store.o recover.o journal.o segment.o run.o logs.o logfile.o topics.o disk.o ids.o \
	services.o table.o line.o json.o text.o buf.o net.o util.o talk.o follow.o show.o typed.o \
	term.o edit.o client_send.o client_read.o client_stat.o chat.o chat_command.o chat_names.o \
	chat_room.o chat_send.o chat_state.o \
	simdisk.o simpower.o model.o play.o

all: $(PROGRAMS)

# With a terminal, -m gives up.sh the keyboard's Ctrl-C alone: make would end with an error.
up: all
	@if [ -t 0 ]; then sh -mc ./up.sh; else ./up.sh; fi

everything: $(PROGRAMS) $(TESTS) $(TOOLS)

test: everything
	@./test.sh

# The same tests under the sanitizers, in a copy, because the objects differ. They are slow there: of the
# steps at which power is lost or a call fails every seventh is tried.
check-san:
	@mkdir -p san && cp -p ./*.c ./*.h ./*.sh Makefile san && cp -pR tests san
	@cd san && STRIDE=$${STRIDE:-7} $(MAKE) CFLAGS='$(SANITIZE)' test

# Kills everything, again and again; soak.sh says what else can be set.
CYCLES = 300
soak: $(PROGRAMS) soak_load
	@CYCLES=$(CYCLES) ./soak.sh

# Plants bugs, one at a time, and runs the tests that must notice.
mutants:
	@./mutants.sh

# Measures beside raw libzmq and the disk; bench.sh says what can be set. Leaves bench.csv, bench.svg.
BENCH = bench.o bench_wire.o bench_load.o bench_fan.o
benchmark: $(BENCH) recado.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(BENCH) recado.a $(ZMQ_LIBS)
$(BENCH): deps.ok
bench: all benchmark
	@./bench.sh

# Seconds for each.
FUZZ = 30
fuzz:
	@mkdir -p fuzz
	for f in fuzz_json fuzz_line; do clang $(STD) -O1 -g -fsanitize=fuzzer,address,undefined \
		-o fuzz/$$f $$f.c json.c line.c text.c buf.c && \
		(cd fuzz && ./$$f -max_total_time=$(FUZZ) -print_final_stats=0 -verbosity=0) || exit 1; done

tidy:
	clang-tidy --quiet ./*.c -- $(STD)

deps.ok: deps.sh
	@CC='$(CC)' ./deps.sh
	@touch deps.ok

recado.a: $(SHARED)
	@rm -f $@
	$(AR) -rc $@ $(SHARED)

$(PROGRAMS) $(TESTS) $(TOOLS): recado.a
$(SHARED): deps.ok

.SUFFIXES:
.SUFFIXES: .c .o
.c.o:
	$(CC) $(STD) $(ZMQ_CFLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
.c:
	$(CC) $(STD) $(ZMQ_CFLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MT $@ -MF $@.d \
		$(LDFLAGS) -o $@ $< recado.a $(ZMQ_LIBS)

# --- installing. PREFIX is where things will be used; DESTDIR, for packagers, is put in front of it.
PREFIX  = /usr/local
BINDIR  = $(PREFIX)/bin
DATADIR = $(PREFIX)/share
MANDIR  = $(DATADIR)/man
DOCDIR  = $(DATADIR)/doc/recado
BASHDIR = $(DATADIR)/bash-completion/completions
UNITDIR = $(PREFIX)/lib/systemd/system
INSTALL = install
DOCS    = README.md README.pt-BR.md PROTOCOL.md DURABILITY.md LICENSE bench.svg bench.csv
# Every program but the client is installed as recado-NAME; the client is what people type: recado.
OTHERS  = broker proxy server bot logck

install: all
	$(INSTALL) -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(MANDIR)/man1' '$(DESTDIR)$(MANDIR)/man7' \
		'$(DESTDIR)$(MANDIR)/man8' '$(DESTDIR)$(DOCDIR)' '$(DESTDIR)$(BASHDIR)' '$(DESTDIR)$(UNITDIR)'
	$(INSTALL) -m 755 client '$(DESTDIR)$(BINDIR)/recado'
	for name in $(OTHERS); do \
		$(INSTALL) -m 755 $$name '$(DESTDIR)$(BINDIR)'/recado-$$name || exit 1; done
	for section in 1 7 8; do \
		$(INSTALL) -m 644 man/*.$$section '$(DESTDIR)$(MANDIR)'/man$$section || exit 1; done
	$(INSTALL) -m 644 $(DOCS) '$(DESTDIR)$(DOCDIR)'
	$(INSTALL) -m 644 completion/recado '$(DESTDIR)$(BASHDIR)'
	$(INSTALL) -m 644 systemd/*.service '$(DESTDIR)$(UNITDIR)'
	for unit in systemd/*.service; do \
		sed 's|^ExecStart=recado|ExecStart=$(BINDIR)/recado|' $$unit \
			>'$(DESTDIR)$(UNITDIR)'/$${unit#systemd/} || exit 1; done

# What was installed with the same variables; folders stay, but for recado's own.
uninstall:
	rm -f '$(DESTDIR)$(BINDIR)/recado' '$(DESTDIR)$(BASHDIR)/recado'
	for name in $(OTHERS); do rm -f '$(DESTDIR)$(BINDIR)'/recado-$$name || exit 1; done
	for page in man/*; do rm -f '$(DESTDIR)$(MANDIR)'/man$${page##*.}/$${page#man/} || exit 1; done
	for unit in systemd/*; do rm -f '$(DESTDIR)$(UNITDIR)'/$${unit#systemd/} || exit 1; done
	for doc in $(DOCS); do rm -f '$(DESTDIR)$(DOCDIR)'/$$doc || exit 1; done
	[ ! -d '$(DESTDIR)$(DOCDIR)' ] || rmdir '$(DESTDIR)$(DOCDIR)'

deb:
	@MAKE='$(MAKE)' ./deb.sh

clean:
	rm -rf $(PROGRAMS) $(TESTS) $(TOOLS) ./*.o ./*.d recado.a deps.ok san fuzz benchmark ./recado_*.deb

.PHONY: all everything up test soak mutants bench check-san fuzz tidy clean install uninstall deb
-include $(SHARED:.o=.d) $(PROGRAMS:=.d) $(TESTS:=.d) $(TOOLS:=.d) $(BENCH:.o=.d)
