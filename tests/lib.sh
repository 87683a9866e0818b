# shellcheck shell=sh disable=SC2154
# tests/lib.sh: what test.sh and the scripts in tests/ share: waiting for a
# condition, processes by name, counting.
#
# PATIENCE: seconds to wait for a condition before it counts as failed.

# fail MESSAGE...: to be replaced where a failure ends more than a function.
fail() {
	echo "FAILED: $*"
	return 1
}

# --- waiting

# wait_for COMMAND...: until it succeeds; fails when it does not in time.
# One wait_for does not contain another: sh has no local variables.
wait_for() {
	{
		case $- in *x*) trace=-x ;; *) trace=+x ;; esac
		set +x
	} 2>/dev/null
	deadline=$(($(date +%s) + PATIENCE))
	until "$@" >/dev/null 2>&1; do
		if [ "$(date +%s)" -gt $deadline ] || stopped_early; then
			set $trace
			fail "waited in vain for: $*"
			return 1
		fi
		sleep 0.05
	done
	set $trace
}

# To be replaced by scripts that can be told to stop waiting.
stopped_early() {
	false
}

# --- processes
#
# A process has a name. While it runs its id is in NAME.pid; once it has ended
# its exit code is in NAME.rc. What it says goes to NAME.out and NAME.err, and
# what an earlier one of this name said on stderr to NAME.before.

# run NAME COMMAND...: returns when it has ended.
run() {
	as=$1
	shift
	rm -f "$as.rc"
	[ ! -e "$as.err" ] || cat "$as.err" >>"$as.before"
	{
		"$@" <&3 3<&- >>"$as.out" 2>"$as.err" &
		echo $! >"$as.new"
		mv "$as.new" "$as.pid"
		code=0
		wait $! || code=$?
	} 3<&0 2>/dev/null
	rm "$as.pid"
	echo $code >"$as.rc"
}

# signal NAME SIGNAL
signal() {
	kill -s "$2" "$(cat "$1.pid")"
}

# ended_with NAME CODE: waits for it to end, with this exit code.
ended_with() {
	wait_for [ -s "$1.rc" ] || return 1
	[ "$(cat "$1.rc")" = "$2" ] ||
		fail "$1 ended with $(cat "$1.rc"), not $2:" \
			"$(tail -n 3 "$1.err" "$1.out")"
}

# is_ready NAME: does it say so?
is_ready() {
	[ -e "$1.pid" ] && grep -q ready "$1.err"
}

# endpoint NAME N: the N-th that it names when it is ready.
endpoint() {
	sed -n 's/.*ready: *//p' "$1.err" | tr -s ' ,' '\n' | grep :// |
		sed -n "$2p"
}

# elsewhere ENDPOINT: the same from another address, if the system has one.
elsewhere() {
	if [ "$(uname)" = Linux ]; then
		echo "tcp://127.0.0.2:0;${1#tcp://}"
	else
		echo "$1"
	fi
}

# --- counting

passed=0 failed=0 skipped=0

# closing_line: what every script with tests prints at its end. 1: some failed.
closing_line() {
	if [ "$skipped" = 0 ]; then
		echo "$passed passed, $failed failed"
	else
		echo "$passed passed, $failed failed, $skipped skipped"
	fi
	[ "$failed" = 0 ]
}

# check WHAT COMMAND...: 1: it failed, and what it said has been printed.
# $dir is the caller's scratch directory.
check() {
	what=$1
	shift
	if "$@" >"$dir/said" 2>&1; then
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
	echo "FAILED: $what"
	tail -n 40 "$dir/said"
	return 1
}

# try WHAT COMMAND...: where the rest makes no sense after a failure.
try() {
	check "$@" && return
	explain
	closing_line
	exit 1
}

# To be replaced by scripts that have more to show when a try has failed.
explain() {
	:
}

# try_with PROGRAM WHAT COMMAND...: skipped where the program is missing.
try_with() {
	if command -v "$1" >/dev/null; then
		shift
		try "$@"
	else
		echo "$(basename "$0"): $2: skipped: no $1 here"
		skipped=$((skipped + 1))
	fi
}

# skip_all WHY
skip_all() {
	echo "$(basename "$0"): skipped: $1"
	skipped=1
	closing_line
	exit 0
}
