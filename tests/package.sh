#!/bin/sh
# tests/package.sh: the package for real: built, checked by lintian, mandoc and
# systemd-analyze where they exist, installed in a clean Debian of the same
# release, used there, removed without a trace. With systemd-nspawn that Debian
# is also booted, on a network of its own, and the services are used. Needs
# root, debootstrap and dpkg-dev; without them it says so and counts as skipped.
set -u
cd "$(dirname "$0")/.." || exit 1
PATIENCE=${PATIENCE:-30}        # seconds for each condition
EXPOSURE_MAX=15                 # tenths of "systemd-analyze security"'s level

. tests/lib.sh


[ "$(id -u)" = 0 ] || skip_all 'only root can make a clean Debian'
for program in debootstrap dpkg-deb dpkg-shlibdeps; do
	command -v $program >/dev/null || skip_all "no $program here"
done
release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
[ -n "$release" ] || skip_all 'no release of Debian here'

dir=$(mktemp -d) || exit 1
root=$dir/root
version=$(sed -n 's/^#define RECADO_VERSION "\(.*\)"/\1/p' util.h)
deb=recado_${version}_$(dpkg --print-architecture).deb
daemons=
export RECADO_BROKER=ipc:///tmp/front RECADO_PROXY=ipc:///tmp/xpub
export RECADO_USER=ana LC_ALL=C.UTF-8

stop_daemons() {
	for pid in $daemons; do
		kill "$pid"
		wait "$pid" || return 1
	done
	daemons=
}

trap 'stop_daemons; rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

# --- the package

make_deb() {
	pkg/deb.sh && [ -s "$deb" ]
}

# The one tag that is accepted: there is no init.d script, since only
# systemd is supported.
lint() {
	no_init_d=package-supports-alternative-init-but-no-init.d-script
	lintian --allow-root --fail-on error,warning,info --info \
		--display-info --suppress-tags $no_init_d "$deb"
}

lint_manuals() {
	# In their folder, so that they find each other.
	(cd pkg/man && mandoc -T lint -- *)
}

install_and_uninstall() {
	opt=$dir/installed/opt/recado
	make install DESTDIR="$dir/installed" PREFIX=/opt/recado &&
		grep -q '^ExecStart=/opt/recado/bin/recado-server ' \
			"$opt/lib/systemd/system/recado-server.service" &&
		"$opt/bin/recado-logck" -V &&
		make uninstall DESTDIR="$dir/installed" PREFIX=/opt/recado &&
		[ -z "$(find "$dir/installed" ! -type d)" ]
}

# Installed outside of the clean Debian, which has no systemd.
check_units() {
	make install PREFIX="$dir/units" || return 1
	for unit in "$dir"/units/lib/systemd/system/*; do
		systemd-analyze verify --man=no "$unit" >"$dir/verify" 2>&1
		grep recado "$dir/verify" && return 1
		systemd-analyze security --offline=true --no-pager \
			--threshold=$EXPOSURE_MAX "$unit" || return 1
	done
}

# --- a clean Debian

clean_debian() {
	debootstrap --variant=minbase --include=bash-completion \
		"$release" "$root" &&
		echo '127.0.0.1 localhost' >"$root/etc/hosts"
}

# All files but those in which dpkg, apt and systemd note what they have done.
files() {
	(
		cd "$root" &&
			find . \( -path ./var/lib/dpkg -o -path ./var/lib/apt \
				-o -path ./var/cache -o -path ./var/log \
				-o -path ./tmp \) -prune -o -print | sort
	)
}

in_root() {
	chroot "$root" "$@"
}

# add_packages PACKAGE...
add_packages() {
	in_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y --no-install-recommends "$@"
}

install_deb() {
	cp "$deb" "$root/tmp/recado.deb" && add_packages /tmp/recado.deb
}

versions() {
	for name in '' -broker -proxy -server -bot -logck; do
		page=$(find "$root/usr/share/man" -name "recado$name.[18].gz")
		in_root recado$name -V && [ -n "$page" ] || return 1
	done
}

# has_options PAGE: every option that -h names is in the manual page.
has_options() {
	name=${1#pkg/man/}
	letters=$(in_root "${name%.*}" -h | sed -n 's/^  -\([A-Za-z]\).*/\1/p')
	[ -n "$letters" ] || fail "$name -h names no options" || return 1
	for letter in $letters; do
		grep -q "^\.It Fl $letter\$\|^\.It Fl $letter " "$1" ||
			fail "$1: no -$letter" || return 1
	done
}

# Every option and command that -h names is in the manual page.
manuals_are_complete() {
	for page in pkg/man/*.[18]; do
		has_options "$page" || return 1
	done
	words=$(in_root recado -h | sed -n 's/^  \([a-z][a-z]*\).*/\1/p')
	[ -n "$words" ] || fail 'recado -h names no commands' || return 1
	for word in $words; do
		grep -q "Cm $word" pkg/man/recado.1 ||
			fail "pkg/man/recado.1: no $word" || return 1
		grep -q "\<$word\>" pkg/completion/recado ||
			fail "pkg/completion/recado: no $word" || return 1
	done
}

start_in_root() {
	chroot "$root" "$@" 2>>"$dir/daemons" &
	daemons="$! $daemons"
}

say_and_read() {
	in_root recado -t 20 ping && in_root recado pub geral 'oi do pacote' &&
		in_root recado hist geral | grep 'oi do pacote' &&
		in_root grep -r 'oi do pacote' /var/lib/recado/channels &&
		in_root recado-bot -r 1 -i 0 -S &&
		in_root recado-logck -q /var/lib/recado
}

# offered WORD...: what Tab offers for the last of these words.
# Bash wants /dev/fd, which needs /proc: it is mounted for this process alone.
# shellcheck disable=SC2016 # the inner shells expand it
offered() {
	unshare --mount sh -c 'mount -t proc proc "$0/proc" &&
		exec chroot "$0" "$@"' "$root" bash -c '
		. /usr/share/bash-completion/bash_completion
		. /usr/share/bash-completion/completions/recado
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
		_recado && printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
}

# Names are chosen by other people: they are quoted, and never expanded.
# shellcheck disable=SC2016 # that is what it is about
completion() {
	channels='\$\(touch\ owned\)
geral
tarde\ de\ sol'
	in_root recado create '$(touch owned)' 'tarde de sol' &&
		[ "$(offered recado pi)" = ping ] &&
		[ "$(offered recado pub ge)" = geral ] &&
		[ "$(offered recado msg an)" = ana ] &&
		[ "$(offered recado -j hist -i an)" = ana ] &&
		[ "$(offered recado sub -c)" = -c ] &&
		[ -z "$(offered recado pub geral ge)" ] &&
		[ "$(offered recado sub geral tar)" = 'tarde\ de\ sol' ] &&
		[ "$(offered recado chat '')" = "$channels" ] &&
		[ -z "$(find "$root" -name owned)" ]
}

# --- booted

boot() {
	add_packages systemd systemd-sysv && install_deb || return 1
	cat >"$root/root/check" <<-'END'
	#!/bin/sh
	unset RECADO_BROKER RECADO_PROXY
	export RECADO_USER=ana
	set -ex
	recado -t 20 pub geral um
	recado sub -s 0 -c 3 geral >/root/seen &
	kill -s KILL "$(systemctl show -p MainPID --value recado-server)"
	recado -t 20 pub geral dois
	kill -s KILL "$(systemctl show -p MainPID --value recado-broker)"
	recado -t 20 pub geral tres
	wait $!
	[ "$(cut -f 5 /root/seen | tr '\n' ' ')" = 'um dois tres ' ]
	systemctl stop recado-server
	recado-logck -q /var/lib/recado
	systemctl start recado-server
	dpkg --purge recado
	[ -z "$(find /etc /usr /var/lib -name 'recado*')" ]
	echo well >/root/result
	END
	units=$root/etc/systemd/system
	cat >"$units/check.service" <<-'END'
	[Unit]
	After=recado-server.service
	[Service]
	Type=oneshot
	ExecStart=-/bin/sh -c 'sh /root/check >/root/log 2>&1'
	ExecStart=systemctl poweroff -ff
	END
	mkdir -p "$units/multi-user.target.wants"
	ln -s ../check.service "$units/multi-user.target.wants"
	timeout -k 5 120 systemd-nspawn --register=no --keep-unit \
		--private-network --console=pipe -D "$root" --boot </dev/null
	tail -n 30 "$root/root/log"
	[ "$(cat "$root/root/result")" = well ]
}

try 'install and uninstall' install_and_uninstall
try 'a package' make_deb
try_with lintian 'lintian' lint
try_with mandoc 'manual pages' lint_manuals
try_with systemd-analyze 'units' check_units
try 'a clean Debian' clean_debian
files >"$dir/before"
try 'installed with its dependencies' install_deb
try 'every program and its manual page' versions
try 'the manual pages have every option' manuals_are_complete
start_in_root recado-broker -f "$RECADO_BROKER" -k ipc:///tmp/back
start_in_root recado-proxy -s ipc:///tmp/xsub -x "$RECADO_PROXY"
start_in_root recado-server -d /var/lib/recado -b ipc:///tmp/back \
	-p ipc:///tmp/xsub -c geral
try 'it works there' say_and_read
try 'completion' completion
try 'its daemons end' stop_daemons
try 'removed' in_root dpkg --remove recado
try 'the logs are still there' \
	in_root grep -r 'oi do pacote' /var/lib/recado/channels
try 'purged' in_root apt-get purge -y --auto-remove recado
files >"$dir/after"
try 'nothing is left' diff "$dir/before" "$dir/after"
try_with systemd-nspawn 'booted: the services run, and come back' boot
closing_line
