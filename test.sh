#!/bin/sh
# test.sh: what recado promises. Each promise is a function test_* in
# tests/test_*.sh or a C program tests/test_*.c. "./test.sh" tries all of them,
# "./test.sh NAME..." some. Quiet unless something fails.
#
# Every test runs in a directory of its own, with its own processes on free ports, waits for
# conditions and never for time, and may leave nothing behind: at its end the daemons are told to
# stop and must do so with exit code 0 and without a word of a sanitizer.
#
# JOBS: how many tests at once. PATIENCE: seconds to wait for a condition before it counts as failed.
# KEEP=1 keeps the directories. OUT: where "make OUT=..." has built the programs.
# JSONTESTSUITE: the folder with the files of that suite.
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

# --- waiting and comparing

# wait_for COMMAND...: until it succeeds.
wait_for() {
	{ case $- in *x*) trace=-x ;; *) trace=+x ;; esac; set +x; } 2>/dev/null
	tries=$((PATIENCE * 20))
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		if [ $tries -le 0 ] || [ -e "$tmp/stop" ]; then
			fail "waited in vain for: $*"
		fi
		sleep 0.05
	done
	set $trace
}

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
	! grep -F -e "$2" "$1" || fail "\"$2\" is in $1"
}

# refute COMMAND...: it must fail. (A "!" would not end a test: set -e looks away.)
refute() {
	"$@" || return 0
	fail "this should have failed: $*"
}

# exits CODE COMMAND...: it must end with this code; what it said is in ./said.
exits() {
	code=$1
	shift
	got=0
	"$@" >said 2>&1 || got=$?
	[ "$got" = "$code" ] || fail "$* ended with $got, not $code: $(cat said)"
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

# start NAME COMMAND...: in the background, with what it says in NAME.out and NAME.err, its process
# id in NAME.pid, and once it has ended its exit code in NAME.rc. What an earlier one of this name
# said on stderr goes to NAME.before.
start() {
	name=$1
	shift
	rm -f "$name.rc" "$name.pid"
	[ ! -e "$name.err" ] || cat "$name.err" >>"$name.before"
	{
		(
			set +ex
			exec 4>&- 5>&-          # pipes that only the test may hold open
			"$@" <&3 3<&- >>"$name.out" 2>"$name.err" &
			echo $! >"$name.pid"
			wait $!
			echo $? >"$name.rc"
		) &
	} 3<&0 2>/dev/null
	wait_for [ -s "$name.pid" ]
}

# signal NAME SIGNAL
signal() {
	kill -s "$2" "$(cat "$1.pid")"
}

# ended NAME [CODE]: waits for it to end, with this code (0).
ended() {
	wait_for [ -s "$1.rc" ]
	[ "$(cat "$1.rc")" = "${2:-0}" ] || fail "$1 ended with $(cat "$1.rc"): $(cat "$1.err")"
}

# stop NAME: tells it to, and wants it to do so without an error.
stop() {
	signal "$1" TERM
	ended "$1"
}

# kill9 NAME
kill9() {
	signal "$1" KILL
	wait_for [ -s "$1.rc" ]
}

# --- the system

# ready NAME: waits until it says so.
ready() {
	wait_for ready_or_ended "$1"
	[ ! -s "$1.rc" ] || fail "$1 ended with $(cat "$1.rc"): $(cat "$1.err")"
}

ready_or_ended() {
	[ -s "$1.rc" ] || grep -q ready "$1.err"
}

# on NAME N: the N-th endpoint that NAME names when it is ready.
on() {
	ready "$1"
	sed -n 's/.*ready: *//p' "$1.err" | tail -n 1 | tr ', ' '[\n*]' | grep :// | sed -n "$2p"
}

broker_up() {
	start broker broker -f "${FRONT:-tcp://127.0.0.1:*}" -k "${BACK:-tcp://127.0.0.1:*}"
	FRONT=$(on broker 1)
	BACK=$(on broker 2)
	RECADO_BROKER=$FRONT
	export RECADO_BROKER
}

proxy_up() {
	start proxy proxy -s "${XSUB:-tcp://127.0.0.1:*}" -x "${XPUB:-tcp://127.0.0.1:*}"
	XSUB=$(on proxy 1)
	XPUB=$(on proxy 2)
	RECADO_PROXY=$XPUB
	export RECADO_PROXY
}

# server_up [NAME [ARGUMENT...]]
server_up() {
	as=${1:-server}
	[ $# = 0 ] || shift
	start "$as" server -d data -b "$BACK" -p "$XSUB" "$@"
	ready "$as"
}

up() {
	broker_up
	proxy_up
	server_up server "$@"
}

# ask JSON: one request by a plain REQ socket; prints the answer with each time made a T.
ask() {
	printf '%s' "$1" | zraw req "$FRONT" | undated
}

undated() {
	sed 's/"timestamp":[0-9][0-9]*\.[0-9]\{3\}/"timestamp":T/g'
}

# hear NAME PREFIX COUNT [msg]: a bare subscriber, which is known to be there when this returns. It is
# tried with publications on the topic PREFIX, a channel or, with msg, a user.
hear() {
	start "$1" zraw sub "$XPUB" "$2" "$3"
	wait_for heard "$1" "$2" "${4:-pub}"
}

heard() {
	client -u probe "$3" "$2" probe && [ -s "$1.out" ]
}

# What must be true of the logs after every test.
logs_are_right() {
	[ ! -d data ] || [ -e damaged_on_purpose ] || logck -q data || fail "logck: $(logck data)"
}

# --- running the tests

# The end of every test: whoever still runs is told to stop. Daemons must obey.
finish() {
	result=$?
	{ set +ex; } 2>/dev/null
	trap - EXIT
	for file in *.pid; do
		name=${file%.pid}
		if [ ! -e "$file" ] || [ -s "$name.rc" ]; then
			continue
		fi
		signal "$name" CONT
		signal "$name" TERM
		(wait_for [ -s "$name.rc" ]) || {
			result=1
			signal "$name" KILL
			wait_for [ -s "$name.rc" ]
		}
		case $name in
		broker* | proxy* | server*) [ "$(cat "$name.rc")" = 0 ] || {
			echo "FAILED: $name ended with $(cat "$name.rc")"
			result=1
		} ;;
		esac
	done
	(logs_are_right) || result=1
	! cat ./*.err ./*.before 2>/dev/null | grep -e Sanitizer -e 'runtime error' || result=1
	if [ $result != 0 ]; then
		for file in *.before *.err *.out; do
			[ -s "$file" ] && printf '\n--- the end of %s\n' "$file" && tail -n 8 "$file"
		done
	fi
	exit $result
}

# Both leave what is to be shown in $1/show, and "PASSED FAILED SKIPPED" in $1/count.
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
			grep '^FAILED' "$1/log" | head -n 3
			echo '--- what was done'
			sed '/^--- the end/,$d' "$1/log" | tail -n 50 | cut -c 1-600
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
	if [ $result != 0 ] && [ "$bad" = 0 ] || [ $((good + bad)) = 0 ]; then
		bad=$((bad + 1))        # it crashed, or counted nothing
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

# Takes one test after the other that nobody else has taken.
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
# Ctrl-C reaches the daemons, too; the tests at hand fail, and clean up behind them.
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
set -- $(cat "$tmp"/*/count | awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }')
if [ -e "$tmp/stop" ]; then
	echo 'stopped by a signal'
	set -- "$1" $(($2 + 1)) "$3"
fi
if [ "$3" = 0 ]; then
	echo "$1 passed, $2 failed"
else
	echo "$1 passed, $2 failed, $3 skipped"
fi
[ "$2" = 0 ]
