#!/bin/sh
# tests/mutants.sh: proves the tests. Plants one bug at a time in a copy of the
# sources, builds it, and runs the tests that should notice. "tests/mutants.sh"
# plants all bugs, "tests/mutants.sh NAME..." some.
#
# A bug is a file tests/mutants/NAME.sed: the first line says where it goes and
# which tests should notice it, the second what is wrong with it, the rest
# changes the file. A test is a C program or a function of test.sh, for which
# the programs are built too.
#
# STRIDE: only one in so many steps or bytes is tried (see scenario.h).
# PATIENCE: seconds to wait for a condition, as in test.sh; less than there,
# since most bugs are noticed by what never comes. Exit 1: a bug was missed, or
# could not be planted.
set -u
cd "$(dirname "$0")/.." || exit 1
STRIDE=${STRIDE:-7}
JOBS=${JOBS:-2}
PATIENCE=${PATIENCE:-10}
export STRIDE PATIENCE
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
missed=0 caught=0

# field N FILE: of the first line, "# FILE: TEST..."
field() {
	sed -n "1s/^# \\([^:]*\\): \\(.*\\)\$/\\$1/p;1q" "$2"
}

build() {
	targets=
	for one in "$@"; do
		case $one in
		*.sh:*) targets="$targets everything" ;;
		*) targets="$targets build/$one" ;;
		esac
	done
	# shellcheck disable=SC2086
	(cd "$scratch" && make -s -j "$JOBS" $targets) \
		>"$scratch/log" 2>&1 </dev/null
}

# run TEST: a bug may also make it hang.
run() {
	case $1 in
	*.sh:*) set -- "./${1%%:*}" "${1#*:}" ;;
	*) set -- "build/$1" ;;
	esac
	(cd "$scratch" && timeout 300 "$@") >"$scratch/log" 2>&1 </dev/null
}

# plant FILE: says which test noticed.
plant() {
	name=$(basename "$1" .sed)
	where=$(field 1 "$1")
	tests=$(field 2 "$1")
	sed -f "$1" "$where" >"$scratch/$where"
	by='nobody'
	# shellcheck disable=SC2086
	if cmp -s "$where" "$scratch/$where"; then
		by='nobody: it could not be planted'
	elif ! build $tests; then
		by='nobody: it could not be built'
	else
		for one in $tests; do
			if ! run "$one" 2>/dev/null; then
				by=$one
				break
			fi
		done
	fi
	case $by in
	nobody*) missed=$((missed + 1)) mark='MISSED' ;;
	*) caught=$((caught + 1)) mark='caught' ;;
	esac
	printf '%s  %-23s %-16s %s\n' "$mark" "$name" "$by" \
		"$(sed -n '2s/^# //p' "$1")"
	cp "$where" "$scratch/$where"
}

cp -pR ./*.c ./*.h ./*.sh Makefile tests "$scratch" || exit 1

if [ $# = 0 ]; then
	set -- tests/mutants/*.sed
else
	for name; do
		set -- "$@" "tests/mutants/$name.sed"
		shift
	done
fi

# Without a bug every test must pass.
all=$(for file; do field 2 "$file" | tr ' ' '\n'; done | sort -u)
# shellcheck disable=SC2086
if ! build $all; then
	cat "$scratch/log"
	exit 1
fi
for one in $all; do
	if ! run "$one"; then
		cat "$scratch/log"
		echo "mutants.sh: $one fails without any bug"
		exit 1
	fi
done
for file; do
	plant "$file"
done
echo "$caught caught, $missed missed"
[ $missed = 0 ]
