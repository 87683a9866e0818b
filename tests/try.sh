# shellcheck shell=sh disable=SC2154
# try.sh: for tests of the whole, where after a check that failed the others make no sense. Sourced by
# compose.sh and package.sh, which set $dir, a directory of their own, and $PATIENCE, the seconds
# for each condition, and say in explain() what else there is to see when a check has failed.
passed=0 failed=0 skipped=0
self=$(basename "$0")

skip() {
	echo "$self: skipped: $1"
	echo '0 passed, 0 failed, 1 skipped'
	exit 0
}

# try WHAT COMMAND...
try() {
	what=$1
	shift
	if "$@" >"$dir/log" 2>&1; then
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
	printf '=== %s: %s: failed\n' "$self" "$what"
	tail -n 40 "$dir/log"
	explain
	echo "$passed passed, $failed failed"
	exit 1
}

# try_with PROGRAM WHAT COMMAND...: needs a program.
try_with() {
	if command -v "$1" >/dev/null; then
		shift
		try "$@"
	else
		echo "$self: no $1 here: $2: skipped"
		skipped=$((skipped + 1))
	fi
}

wait_for() {
	until_then=$(($(date +%s) + PATIENCE))
	until "$@"; do
		[ "$(date +%s)" -lt $until_then ] || return 1
		sleep 0.2
	done
}
