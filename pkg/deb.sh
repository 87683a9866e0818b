#!/bin/sh
# pkg/deb.sh: makes recado_VERSION_ARCHITECTURE.deb in the root, for the Debian
# that it runs on, built with Debian's own compiler flags. Needs dpkg-dev.
#
# DEBFULLNAME and DEBEMAIL: who made the package. SOURCE_DATE_EPOCH: when; the
# same sources and the same time give the same bytes.
set -eu
cd "$(dirname "$0")/.."
umask 022
units=$(cd pkg/systemd && echo *.service)

for program in dpkg-deb dpkg-buildflags dpkg-shlibdeps; do
	command -v $program >/dev/null || {
		echo "deb.sh: $program: not found; apt-get install dpkg-dev" >&2
		exit 1
	}
done
here=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
tree=$work/tree
version=$(sed -n 's/^#define RECADO_VERSION "\(.*\)"/\1/p' util.h)
arch=$(dpkg --print-architecture)
maintainer="${DEBFULLNAME:-recado} <${DEBEMAIL:-recado@packages.invalid}>"
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct 2>/dev/null || date +%s)}"
export SOURCE_DATE_EPOCH

flags() {
	DEB_BUILD_MAINT_OPTIONS=hardening=+all dpkg-buildflags --get "$1"
}

build() {
	"${MAKE:-make}" install OUT="$work/out" DESTDIR="$tree" PREFIX=/usr \
		CPPFLAGS="$(flags CPPFLAGS)" CFLAGS="$(flags CFLAGS)" \
		LDFLAGS="$(flags LDFLAGS)"
	strip --remove-section=.comment --remove-section=.note \
		"$tree"/usr/bin/*
}

copyright() {
	cat <<-'END'
	Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
	Upstream-Name: recado

	Files: *
	END
	sed -n 's/^Copyright (c) /Copyright: /p' LICENSE
	echo 'License: Expat'
	sed '1,/^Copyright/d; 1d; s/^/ /; s/^ $/ ./' LICENSE |
		sed '1{/^ \.$/d;}'
}

changelog() {
	cat <<-END
	recado ($version) unstable; urgency=medium

	  * See CHANGELOG.md.

	 -- $maintainer  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
	END
}

documents() {
	doc=$tree/usr/share/doc/recado
	copyright >"$doc/copyright"
	rm "$doc/LICENSE"
	changelog | gzip -9n >"$doc/changelog.gz"
	gzip -9n "$tree"/usr/share/man/man*/*
}

# dpkg-shlibdeps insists on a debian/control.
depends() {
	mkdir -p "$work/shlibs/debian"
	cd "$work/shlibs"
	printf 'Source: recado\n\nPackage: recado\nArchitecture: any\n' \
		>debian/control
	dpkg-shlibdeps -O "$tree"/usr/bin/* | sed -n 's/^shlibs:Depends=//p'
}

# On a machine without systemd the helpers only note what is enabled.
scripts() {
	cat >"$tree/DEBIAN/postinst" <<-END
	#!/bin/sh
	set -e
	if [ "\$1" = configure ] || [ "\$1" = abort-upgrade ] ||
		[ "\$1" = abort-remove ]; then
		for unit in $units; do
			action=update-state
			if deb-systemd-helper --quiet was-enabled "\$unit"; then
				action=enable
			fi
			deb-systemd-helper \$action "\$unit" >/dev/null || true
		done
		if [ -d /run/systemd/system ]; then
			systemctl --system daemon-reload >/dev/null || true
			deb-systemd-invoke restart $units >/dev/null || true
		fi
	fi
	END
	cat >"$tree/DEBIAN/prerm" <<-END
	#!/bin/sh
	set -e
	if [ "\$1" = remove ] && [ -d /run/systemd/system ]; then
		deb-systemd-invoke stop $units >/dev/null || true
	fi
	END
	cat >"$tree/DEBIAN/postrm" <<-END
	#!/bin/sh
	set -e
	if [ "\$1" = purge ]; then
		if command -v deb-systemd-helper >/dev/null; then
			deb-systemd-helper purge $units >/dev/null || true
		fi
		rm -rf /var/lib/recado /var/lib/private/recado
	fi
	if [ -d /run/systemd/system ]; then
		systemctl --system daemon-reload >/dev/null || true
	fi
	END
	chmod 755 "$tree"/DEBIAN/p*
}

control() {
	size=$(du -k -s --apparent-size "$tree/usr" | cut -f 1)
	cat >"$tree/DEBIAN/control" <<-END
	Package: recado
	Version: $version
	Architecture: $arch
	Maintainer: $maintainer
	Installed-Size: $size
	Depends: $(depends)
	Suggests: bash-completion
	Section: net
	Priority: optional
	Description: small, durable chat and publish/subscribe system
	 recado (Portuguese: a message left for somebody) is a few programs over
	 ZeroMQ. A message is acknowledged only when its line is on disk, in a
	 plain-text log that cat and grep read; there is no other store.
	 .
	 This package contains the client, a bot, a verifier of logs, and
	 broker, proxy and server, which are started and listen on 127.0.0.1.
	 Messages are kept in /var/lib/recado.
	END
}

checksums() {
	cd "$tree"
	find usr -type f | LC_ALL=C sort | xargs -d '\n' md5sum \
		>DEBIAN/md5sums
}

(build)
(documents)
mkdir "$tree/DEBIAN"
scripts
control
(checksums)
dpkg-deb --root-owner-group --build "$tree" \
	"$here/recado_${version}_$arch.deb"
