#!/bin/sh
# deps.sh: checks that make, a C compiler and libzmq with its headers are there.
# It installs what is missing with the system's package manager, if it may (as
# root, or with sudo without a password); else it prints the command and exits
# with 1.
set -u
cc=${CC:-cc}

# shellcheck disable=SC2086 # the flags are several words
works() {
	flags=$(pkg-config --cflags --libs libzmq 2>/dev/null || echo -lzmq)
	command -v make >/dev/null && printf '%s\n' '#include <zmq.h>' \
		'int main(void) { return zmq_errno(); }' |
		$cc -x c -o "$try" - $flags 2>/dev/null
}

# Sets install to the command for the package manager that is here.
installer() {
	if command -v apt-get; then
		get='apt-get install -y --no-install-recommends'
		install="apt-get update && $get gcc libc6-dev make libzmq3-dev"
	elif command -v dnf; then
		install='dnf install -y gcc make zeromq-devel'
	elif command -v apk; then
		install='apk add gcc musl-dev make zeromq-dev'
	elif command -v pacman; then
		install='pacman -S --noconfirm --needed gcc make zeromq'
	elif command -v zypper; then
		install='zypper -n install gcc make zeromq-devel'
	elif command -v brew; then
		install='brew install zeromq pkg-config'
	else
		return 1
	fi >/dev/null
}

try=$(mktemp) || exit 1
trap 'rm -f "$try"' EXIT
works && exit 0

echo 'recado needs a C compiler, make, and libzmq with its headers.' >&2
installer || {
	echo 'Install what is missing and try again.' >&2
	exit 1
}
case $install in
brew*) root= ;;
*)	if [ "$(id -u)" = 0 ]; then
		root='sh -c'
	elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
		root='sudo -n sh -c'
	else
		echo 'Run this and try again:' >&2
		echo "  sudo sh -c \"$install\"" >&2
		exit 1
	fi ;;
esac
echo "installing what is missing: $install" >&2
DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND
${root:-sh -c} "$install" >&2 </dev/null || {
	echo 'deps.sh: the installation failed' >&2
	exit 1
}
works || {
	echo 'deps.sh: a program with libzmq still does not build' >&2
	exit 1
}
