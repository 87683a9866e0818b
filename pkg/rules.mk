# pkg/rules.mk: installation and packaging; part of the Makefile. PREFIX is
# where things will be used; DESTDIR, for packagers, goes before it.
PREFIX  = /usr/local
BINDIR  = $(PREFIX)/bin
DATADIR = $(PREFIX)/share
MANDIR  = $(DATADIR)/man
DOCDIR  = $(DATADIR)/doc/recado
BASHDIR = $(DATADIR)/bash-completion/completions
UNITDIR = $(PREFIX)/lib/systemd/system
INSTALL = install
DOCS    = README.md README.pt-BR.md CHANGELOG.md PROTOCOL.md \
	DURABILITY.md LICENSE
PICTURE = bench.svg bench.csv

# Every program but the client is installed as recado-NAME; the client is
# what people type: recado.
OTHERS  = $(filter-out client,$(PROGRAMS))
MAN     = $(wildcard pkg/man/*)
UNITS   = $(wildcard pkg/systemd/*.service)

install: all
	for dir in '$(BINDIR)' '$(MANDIR)/man1' '$(MANDIR)/man7' \
		'$(MANDIR)/man8' '$(DOCDIR)/bench' '$(BASHDIR)' \
		'$(UNITDIR)'; do \
		$(INSTALL) -d '$(DESTDIR)'"$$dir" || exit 1; done
	$(INSTALL) -m 755 $(OUT)/client '$(DESTDIR)$(BINDIR)/recado'
	for name in $(OTHERS); do \
		$(INSTALL) -m 755 $(OUT)/$$name \
			'$(DESTDIR)$(BINDIR)'/recado-$$name || exit 1; done
	for page in $(MAN); do \
		$(INSTALL) -m 644 $$page \
			'$(DESTDIR)$(MANDIR)'/man$${page##*.} || exit 1; done
	$(INSTALL) -m 644 $(DOCS) '$(DESTDIR)$(DOCDIR)'
	$(INSTALL) -m 644 $(PICTURE:%=bench/%) '$(DESTDIR)$(DOCDIR)/bench'
	$(INSTALL) -m 644 pkg/completion/* '$(DESTDIR)$(BASHDIR)'
	for unit in $(UNITS); do \
		sed 's|^ExecStart=recado|ExecStart=$(BINDIR)/recado|' $$unit \
			>'$(DESTDIR)$(UNITDIR)'/$${unit##*/} || exit 1; done

# Removes what was installed with the same variables. Of the directories only
# recado's own goes.
uninstall:
	cd '$(DESTDIR)$(BINDIR)' && rm -f recado $(OTHERS:%=recado-%)
	cd '$(DESTDIR)$(BASHDIR)' && rm -f $(notdir $(wildcard pkg/completion/*))
	for page in $(notdir $(MAN)); do \
		rm -f '$(DESTDIR)$(MANDIR)'/man$${page##*.}/$$page || \
			exit 1; done
	cd '$(DESTDIR)$(UNITDIR)' && rm -f $(notdir $(UNITS))
	rm -rf '$(DESTDIR)$(DOCDIR)'

deb:
	@MAKE='$(MAKE)' pkg/deb.sh

clean::
	rm -f recado_*.deb

.PHONY: install uninstall deb
