#!/bin/sh
# test.sh: what recado promises. Each promise is a function test_* in
# tests/test_*.sh or a C program tests/test_*.c. "./test.sh" tries all of
# them, "./test.sh NAME..." some. Quiet unless something fails.
#
# Every test runs in a directory of its own, with its own processes on free
# ports. It waits for conditions and never for time, and leaves nothing behind:
# at its end the daemons are told to stop and must do so with exit code 0 and
# without a word from a sanitizer.
#
# JOBS: how many tests at once. PATIENCE: seconds to wait for a condition
# before it counts as failed. KEEP=1 keeps the directories. OUT: where
# "make OUT=..." has built the programs. JSONTESTSUITE: the folder with the
# files of that suite.
set -u
cd "$(dirname "$0")" || exit 1
SOURCES=$(pwd)
OUT=$(cd "${OUT:-.}" && pwd) || exit 1
PATH=$OUT:$OUT/build:$PATH
PATIENCE=${PATIENCE:-30}
JOBS=${JOBS:-2}
LC_ALL=C
export PATH OUT SOURCES LC_ALL
unset RECADO_BROKER RECADO_PROXY RECADO_USER

. tests/lib.sh

# After a signal all waiting ends.
stopped_early() {
	[ -e "$tmp/stop" ]
}

# --- comparing

fail() {
	echo "FAILED: $*"
	exit 1
}

# want EXPECTED GOT
want() {
	[ "$1" = "$2" ] || fail "expected:
$1
but got:
$2"
}

# want_same FILE FILE
want_same() {
	cmp "$1" "$2" || {
		diff "$1" "$2" | head -n 20
		fail "$1 and $2 differ"
	}
}

# has FILE TEXT
has() {
	grep -qF -e "$2" "$1" || fail "no \"$2\" in $1"
}

hasnt() {
	[ -e "$1" ] || fail "there is no $1"
	! grep -F -e "$2" "$1" || fail "\"$2\" is in $1"
}

# refute COMMAND...: it must say no, with 1; it may not end in another way,
# because a file is missing or because it crashed. (A "!" would not end a
# test: set -e ignores it.)
refute() {
	got=0
	"$@" || got=$?
	[ $got = 1 ] || fail "ended with $got, not 1: $*"
}

# exits CODE COMMAND...: it must end with this code; what it said is in ./said.
exits() {
	code=$1
	shift
	got=0
	"$@" >said 2>&1 || got=$?
	[ "$got" = "$code" ] ||
		fail "$* ended with $got, not $code: $(cat said)"
}

# more_than FILE N: has it more than N lines?
more_than() {
	[ -e "$1" ] && [ "$(wc -l <"$1")" -gt "$2" ]
}

# numbers FROM TO
numbers() {
	awk -v i="$1" -v to="$2" 'BEGIN { for (; i <= to; i++) print i }'
}

# --- processes

# start NAME COMMAND...: runs it in the background. A daemon that ends without
# being told to is an error.
start() {
	rm -f "$1.rc" "$1.pid" "$1.expected"
	{
		(
			set +ex
			# Only the test may hold its pipes open.
			exec 4>&- 5>&-
			run "$@" <&3 3<&-
		) &
	} 3<&0 2>/dev/null
	wait_for started "$1"
}

started() {
	[ -s "$1.pid" ] || [ -s "$1.rc" ]
}

# ended NAME [CODE]: waits for its end, with this exit code (0).
ended() {
	: >"$1.expected"
	ended_with "$1" "${2:-0}"
}

# stop NAME: tells it to, and wants it to do so without an error.
stop() {
	signal "$1" TERM
	ended "$1"
}

# kill9 NAME
kill9() {
	signal "$1" KILL
	ended "$1" 137
}

# --- the system

# ready NAME: waits until it says so.
ready() {
	wait_for ready_or_ended "$1"
	[ ! -s "$1.rc" ] || fail "$1 ended with $(cat "$1.rc"): $(cat "$1.err")"
}

ready_or_ended() {
	[ -s "$1.rc" ] || is_ready "$1"
}

broker_up() {
	start broker broker -f "${FRONT:-tcp://127.0.0.1:*}" \
		-k "${BACK:-tcp://127.0.0.1:*}"
	ready broker
	FRONT=$(endpoint broker 1)
	BACK=$(endpoint broker 2)
	RECADO_BROKER=$FRONT
	export RECADO_BROKER
}

proxy_up() {
	start proxy proxy -s "${XSUB:-tcp://127.0.0.1:*}" \
		-x "${XPUB:-tcp://127.0.0.1:*}"
	ready proxy
	XSUB=$(endpoint proxy 1)
	XPUB=$(endpoint proxy 2)
	RECADO_PROXY=$XPUB
	export RECADO_PROXY
}

# server_up [NAME [ARGUMENT...]]: when this returns a live broker knows it. A
# server that is stopped at once would not get what the test sends to it.
server_up() {
	as=${1:-server}
	[ $# = 0 ] || shift
	hellos=$(hellos)
	start "$as" server -d data -b "$BACK" -p "$XSUB" "$@"
	ready "$as"
	[ -s broker.rc ] || wait_for greeted "$hellos"
}

hellos() {
	awk '/: hello, takes/ { n++ } END { print n + 0 }' broker.err
}

greeted() {
	[ "$(hellos)" -gt "$1" ]
}

# limited_server_up OPTION LIMIT: as ulimit takes them.
limited_server_up() {
	# shellcheck disable=SC2016 # the inner shell expands them
	start server sh -c 'ulimit "$0" "$1"
		exec server -d data -b "$2" -p "$3"' "$1" "$2" "$BACK" "$XSUB"
	ready server
}

up() {
	broker_up
	proxy_up
	server_up server "$@"
}

# request SERVICE DATA: prints one; DATA are the members of its "data".
request() {
	printf '{"service":"%s","data":{%s}}' "$1" "$2"
}

# requests SERVICE DATA: one for each line of stdin, which takes the place of
# each & in DATA.
requests() {
	sed "s/.*/$(request "$1" "$2")/"
}

# ask SERVICE DATA: one request from a plain REQ socket; prints the reply with
# each time made a T.
ask() {
	request "$1" "$2" | zraw req "$FRONT" | undated
}

# replies SERVICE DATA REPLY: these are the members of the reply's "data".
replies() {
	want "$(request "$1" "$3,\"timestamp\":T")" "$(ask "$1" "$2")"
}

undated() {
	sed 's/"timestamp":[0-9][0-9]*\.[0-9]\{3\}/"timestamp":T/g'
}

# hear NAME PREFIX COUNT [msg]: a bare subscriber, which is known to be there
# when this returns. It is tried with publications on the topic PREFIX, a
# channel or, with msg, a user.
hear() {
	start "$1" zraw -t 600000 sub "$XPUB" "$2" "$3"
	wait_for heard "$1" "$2" "${4:-pub}"
}

heard() {
	client -u probe "$3" "$2" probe && [ -s "$1.out" ]
}

# wait_for server_got BYTES: a stopped server has received that much, which the
# kernel holds. Linux only: it looks at the connections to the back.
server_got() {
	awk -v port="$(printf '%04X' "${BACK##*:}")" \
		-v want="$(printf '%08X' "$1")" '
		$3 ~ ":" port "$" && $4 == "01" && substr($5, 10) >= want {
			found = 1
		}
		END { exit !found }' /proc/net/tcp
}

# What must be true of the logs after every test.
logs_are_right() {
	[ ! -d data ] || [ -e damaged_on_purpose ] || logck -q data ||
		fail "logck: $(logck data)"
}

# --- running the tests

# tell_to_stop NAME: at the end of a test, whatever state it is in.
tell_to_stop() {
	signal "$1" CONT
	signal "$1" TERM
	: >"$1.expected"
	(wait_for [ -s "$1.rc" ]) && return
	signal "$1" KILL
	(wait_for [ -s "$1.rc" ])
	return 1
}

# ended_well NAME: a daemon was told to stop, and did without an error. Being
# killed by kill9 is not an error.
ended_well() {
	[ -e "$1.expected" ] || {
		echo "FAILED: $1 ended by itself with $(cat "$1.rc")"
		return 1
	}
	[ "$(cat "$1.rc")" = 0 ] || [ "$(cat "$1.rc")" = 137 ] || {
		echo "FAILED: $1 ended with $(cat "$1.rc")"
		return 1
	}
}

show_ends() {
	for file in *.before *.err *.out; do
		[ -s "$file" ] || continue
		printf '\n--- the end of %s\n' "$file"
		tail -n 8 "$file"
	done
}

# The end of every test: what still runs is told to stop. Daemons must obey.
finish() {
	result=$?
	{ set +ex; } 2>/dev/null
	trap - EXIT
	for file in *.pid; do
		[ ! -e "$file" ] || tell_to_stop "${file%.pid}" || result=1
	done
	for file in broker*.rc proxy*.rc server*.rc; do
		[ ! -e "$file" ] || ended_well "${file%.rc}" || result=1
	done
	(logs_are_right) || result=1
	! cat ./*.err ./*.before 2>/dev/null |
		grep -e Sanitizer -e 'runtime error' || result=1
	[ $result = 0 ] || show_ends
	exit $result
}

# Both leave what is to be shown in $1/show, and "PASSED FAILED SKIPPED" in
# $1/count.
run_function() {
	dir=$(mktemp -d)
	(
		cd "$dir" || exit 1
		trap finish EXIT
		set -ex
		"$2"
	) >"$1/log" 2>&1 </dev/null
	case $? in
	0)	echo 1 0 0 ;;
	77)	echo 0 0 1 ;;
	*)	echo 0 1 0
		{
			echo "=== $2 failed"
			sed -n '/^FAILED/p' "$1/log" | head -n 3
			echo '--- what was done'
			sed '/^--- the end/,$d' "$1/log" | tail -n 50 |
				cut -c 1-600
			sed -n '/^--- the end/,$p' "$1/log" | cut -c 1-400
		} >"$1/show" ;;
	esac >"$1/count"
	if [ -n "${KEEP:-}" ]; then
		echo "$2: $dir" >>"$1/show"
	else
		rm -rf "$dir"
	fi
}

# A C program that prints "ok ..." or "not ok ..." for each of its tests.
run_program() {
	dir=$(mktemp -d)
	(cd "$dir" && "$2") >"$1/log" 2>&1 </dev/null
	result=$?
	good=$(grep -c '^ok' "$1/log")
	bad=$(grep -c '^not ok' "$1/log")
	# It crashed, has no tests or did not get to its end.
	if [ $result != 0 ] && [ "$bad" = 0 ] || [ $((good + bad)) = 0 ] ||
		! grep -q "^1\.\.$((good + bad))\$" "$1/log"; then
		bad=$((bad + 1))
	fi
	echo "$good $bad 0" >"$1/count"
	if [ "$bad" != 0 ]; then
		{
			echo "=== $2 failed, exit code $result"
			grep -v '^ok' "$1/log" | tail -n 40
		} >"$1/show"
	fi
	rm -rf "$dir"
}

# Runs one test after another, each one that no other worker has taken.
work() {
	for name; do
		if [ -e "$tmp/stop" ] || ! mkdir "$tmp/$name" 2>/dev/null; then
			continue
		fi
		if [ -e "tests/$name.c" ]; then
			run_program "$tmp/$name" "$name"
		elif command -v "$name" >/dev/null; then
			run_function "$tmp/$name" "$name"
		else
			echo "there is no test $name" >"$tmp/$name/show"
			echo 0 1 0 >"$tmp/$name/count"
		fi
		[ ! -e "$tmp/$name/show" ] || cat "$tmp/$name/show"
	done
}

for file in tests/test_*.sh; do
	# shellcheck source=/dev/null
	. "./$file"
done
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
if [ $# = 0 ]; then
	# shellcheck disable=SC2046 # the names are one word each
	set -- $(for c in tests/test_*.c; do basename "$c" .c; done) \
		$(sed -n 's/^\(test_[a-z0-9_]*\)().*/\1/p' tests/test_*.sh)
fi
# Ctrl-C reaches the daemons, too; the tests at hand fail, and clean up.
trap ': >"$tmp/stop"' HUP INT TERM
workers=
for _ in $(numbers 1 "$JOBS"); do
	work "$@" &
	workers="$workers $!"
done
for worker in $workers; do
	until wait "$worker"; do        # a signal ends it early
		kill -0 "$worker" 2>/dev/null || break
	done
done
# shellcheck disable=SC2046 # three numbers
set -- $(cat "$tmp"/*/count |
	awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }')
passed=$1 failed=$2 skipped=$3
if [ -e "$tmp/stop" ]; then
	echo 'stopped by a signal'
	failed=$((failed + 1))
fi
closing_line
