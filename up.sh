#!/bin/sh
# up.sh: the whole system in the foreground, each line of output behind the role that said it.
# Ctrl-C (or SIGTERM) ends all of it. A program that dies is started again.
#
# DATA=DIR keeps the messages there instead of in ./data. PORT=N uses N to N+3 instead of 5555 to 5558.
set -u
cd "$(dirname "$0")" || exit 1

QUICK=2         # seconds; who ends sooner than that was not up yet
ATTEMPTS=5      # quick ends in a row before we give up: the port is taken, the disk is read-only
run=$(mktemp -d) || exit 1
trap 'rm -rf "$run"' EXIT

# Every line that comes in, behind the role.
label() {
	while IFS= read -r line; do
		printf '%-6s | %s\n' "$1" "$line"
	done
}

# What "client sub" prints (seq, time, topic, user, text), made for people.
talk() {
	tab=$(printf '\t')
	while IFS=$tab read -r seq time topic user text; do
		time=${time#*T}
		printf '%s #%s %s: %s (message %s)\n' "${time%.*}" "$topic" "$user" "$text" "$seq"
	done
}

ending() {
	[ -e "$run/end" ]
}

# Runs a program until the end, again whenever it ends. Its process id is in $run/ROLE.pid, written
# by the process itself before it becomes the program: nothing is ever started that cannot be ended.
keep() {
	role=$1
	shift
	quick=0
	until ending; do
		since=$(date +%s)
		sh -c 'echo $$ >"$0" && exec "$@"' "$run/$role.pid" "$@" &
		wait $! 2>/dev/null     # where some shells say what it died of
		status=$?
		rm -f "$run/$role.pid"
		quick=$((quick + 1))
		[ $(($(date +%s) - since)) -lt $QUICK ] || quick=1
		if [ $quick -ge $ATTEMPTS ] && ! ending; then
			echo "ended $ATTEMPTS times in a row, giving up" >&2
			: >"$run/failed"
			kill -s TERM $$
			return
		fi
		pause
		ending || echo "ended with status $status, started again" >&2
	done
}

# A second that the end cuts short.
pause() {
	ticks=10
	while [ $ticks -gt 0 ] && ! ending; do
		sleep 0.1
		ticks=$((ticks - 1))
	done
}

role() {
	{ keep "$@" 2>&1 | label "$1"; } &
	roles="$roles $!"
}

# Tells everybody, again and again, because one may just have been started.
tell_all() {
	until [ -e "$run/gone" ]; do
		for file in "$run"/*.pid; do
			read -r pid <"$file" && kill -s TERM "$pid"
		done 2>/dev/null
		sleep 0.1
	done
}

PORT=${PORT:-5555}
back=$((PORT + 1)) xsub=$((PORT + 2)) xpub=$((PORT + 3))
export RECADO_BROKER="tcp://localhost:$PORT" RECADO_PROXY="tcp://localhost:$xpub"
roles=
trap : HUP INT TERM
role broker ./broker -f "tcp://*:$PORT" -k "tcp://*:$back"
role proxy ./proxy -s "tcp://*:$xsub" -x "tcp://*:$xpub"
role server ./server -d "${DATA:-data}" -b "tcp://localhost:$back" -p "tcp://localhost:$xsub" -c geral
role bot1 ./bot -u bot1 -i 1000
role bot2 ./bot -u bot2 -i 1000
{ { keep chat ./client -u up sub geral | talk; } 2>&1 | label chat; } &
roles="$roles $!"
echo 'in another terminal: ./client chat; Ctrl-C here ends everything' | label up

wait            # until a signal comes
trap '' HUP INT TERM
: >"$run/end"
tell_all &
# shellcheck disable=SC2086 # the process ids are several words
wait $roles
: >"$run/gone"
wait
[ ! -e "$run/failed" ]
