# recado: see README.md. For GNU make. CC, CFLAGS, CPPFLAGS and LDFLAGS are
# the caller's.
#
# OUT is where everything that is built goes: the programs there, the rest in
# its subdirectory build. "make OUT=san CFLAGS=..." is a second build next to
# the first one.
CC     = cc
# As Debian hardens its packages. A caller who has flags of his own, as for a
# sanitizer, has all of his own.
HARDEN = -fPIE -fstack-protector-strong -Wformat -Werror=format-security \
	-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
CFLAGS = -O3 -g $(HARDEN)
LDFLAGS = $(if $(filter -fPIE,$(CFLAGS)),-pie) -Wl,-z,relro,-z,now
STD    = -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wpedantic -Wshadow \
	-Wconversion -Wmissing-prototypes -Wstrict-prototypes -Wvla \
	-Wwrite-strings
ZMQ_CFLAGS = `pkg-config --cflags libzmq 2>/dev/null`
ZMQ_LIBS   = `pkg-config --libs libzmq 2>/dev/null || echo -lzmq`
OUT    = .
OBJ    = $(OUT)/build

PROGRAMS = broker proxy server client bot logck

# What the programs share, room by room.
BASE    = buf text json line name date crc util net
STORAGE = disk directory segment journal entry ids topics log store recover \
	drop snapshot backup
DAEMONS = connections requests services publish stats turns
CLIENT  = talk talk_connection talk_list talk_reply talk_message follow \
	follow_held output lines bot_audit client_ask client_send client_sub \
	client_hist client_stat
CHAT    = chat chat_command chat_look chat_names chat_outbox chat_rooms \
	chat_state edit edit_screen linebuf term
SHARED  = $(BASE) $(STORAGE) $(DAEMONS) $(CLIENT) $(CHAT)

COMPILE = $(CC) $(STD) $(ZMQ_CFLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP
LINK    = $(CC) $(CFLAGS) $(LDFLAGS)

all: $(PROGRAMS:%=$(OUT)/%)

# On a terminal, -m lets only up.sh see a Ctrl-C: make would end with an error.
up: all
	@if [ -t 0 ]; then sh -mc ./up.sh; else ./up.sh; fi

$(OBJ)/deps.ok: deps.sh
	@CC='$(CC)' ./deps.sh
	@mkdir -p $(OBJ)
	@touch $@

$(OBJ)/%.o: %.c | $(OBJ)/deps.ok
	$(COMPILE) -c -o $@ $<

$(OBJ)/recado.a: $(SHARED:%=$(OBJ)/%.o)
	@rm -f $@
	$(AR) -rc $@ $^

# The linker takes from the archive what a program uses.
$(PROGRAMS:%=$(OUT)/%): $(OUT)/%: $(OBJ)/%.o $(OBJ)/recado.a
	$(LINK) -o $@ $^ $(ZMQ_LIBS)

clean::
	rm -rf $(PROGRAMS:%=$(OUT)/%) $(OBJ)

.PHONY: all up clean
# A source tree with only the product, as in the image, has none of these.
-include tests/rules.mk bench/rules.mk pkg/rules.mk
-include $(wildcard $(OBJ)/*.d)
