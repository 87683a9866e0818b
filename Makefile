# recado: see README.md. CFLAGS, CPPFLAGS, LDFLAGS and CC are the caller's.
CC     = cc
CFLAGS = -O2 -g
STD    = -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wpedantic -Wshadow -Wconversion \
	-Wmissing-prototypes -Wstrict-prototypes -Wvla -Wwrite-strings
TESTS  = test_json test_line test_nomem
PROGRAMS = broker proxy server client bot logck
TOOLS  = json_check
SHARED = talk.o follow.o show.o typed.o term.o edit.o client_send.o client_read.o client_stat.o chat.o chat_command.o chat_names.o chat_room.o chat_send.o chat_state.o table.o services.o net.o store.o recover.o run.o logs.o logfile.o topics.o ids.o journal.o segment.o disk.o line.o json.o text.o buf.o util.o

all: $(PROGRAMS) $(TOOLS)
test: $(TESTS)
	@for t in $(TESTS); do ./$$t || exit 1; done

recado.a: $(SHARED)
	@rm -f $@
	$(AR) -rc $@ $(SHARED)
$(PROGRAMS) $(TESTS) $(TOOLS): recado.a

.SUFFIXES:
.SUFFIXES: .c .o
.c.o:
	$(CC) $(STD) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
.c:
	$(CC) $(STD) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< recado.a -lzmq

clean:
	rm -f $(PROGRAMS) $(TESTS) $(TOOLS) ./*.o ./*.d recado.a
.PHONY: all test clean
-include $(SHARED:.o=.d)
