#!/bin/sh
# deps.sh: sees whether a compiler and libzmq with its headers are there. What is missing it installs
# with the system's package manager when it may (root, or sudo without a password); else it prints
# the command and ends with 1.
set -u
cc=${CC:-cc}

# shellcheck disable=SC2046 # the flags are several words
works() {
	command -v make >/dev/null && printf '%s\n' '#include <zmq.h>' \
		'int main(void) { return zmq_errno(); }' |
		$cc -x c -o "$try" - $(pkg-config --cflags --libs libzmq 2>/dev/null || echo -lzmq) 2>/dev/null
}

# The command that installs everything, for the package manager that is here.
installer() {
	if command -v apt-get; then
		install='apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev make libzmq3-dev'
	elif command -v dnf; then
		install='dnf install -y gcc make zeromq-devel'
	elif command -v apk; then
		install='apk add gcc musl-dev make zeromq-dev'
	elif command -v pacman; then
		install='pacman -S --noconfirm --needed gcc make zeromq'
	elif command -v zypper; then
		install='zypper --non-interactive install gcc make zeromq-devel'
	elif command -v brew; then
		install='brew install zeromq pkg-config'
	else
		return 1
	fi >/dev/null
}

try=$(mktemp) || exit 1
trap 'rm -f "$try"' EXIT
works && exit 0

echo 'recado needs a C compiler, make and libzmq with its headers; not all of them are here.' >&2
installer || {
	echo 'Please install them and try again.' >&2
	exit 1
}
case $install in
brew*) root= ;;
*)	if [ "$(id -u)" = 0 ]; then
		root='sh -c'
	elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
		root='sudo -n sh -c'
	else
		printf 'Please run this and try again:\n  sudo sh -c "%s"\n' "$install" >&2
		exit 1
	fi ;;
esac
echo "installing them: $install" >&2
DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND
${root:-sh -c} "$install" >&2 </dev/null || {
	echo 'That did not work; see above.' >&2
	exit 1
}
works || {
	echo 'They are installed, but a program with libzmq still cannot be built.' >&2
	exit 1
}
