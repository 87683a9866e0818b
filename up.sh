#!/bin/sh
# up.sh: the whole system in the foreground, each line of output after the name
# of the role that printed it. Ctrl-C (or SIGTERM) ends all of it. A program
# that dies is started again.
#
# DATA=DIR keeps the messages there instead of in ./data. PORT=N uses the ports
# N to N+3 instead of 5555 to 5558. LISTEN=ADDRESS opens the two for clients and
# subscribers at that address, or with '*' at all of this machine, instead of
# only to the machine itself.
set -u
cd "$(dirname "$0")" || exit 1

# Seconds: a program that ends sooner never was up.
QUICK=2
# That often in a row, and we give up: the port is taken, the disk read-only.
ATTEMPTS=5
run=$(mktemp -d) || exit 1
trap 'rm -rf "$run"' EXIT

# label ROLE: puts the role before every line of stdin. The name of the program,
# which is the role's without the 1 of bot1, need not follow it.
label() {
	while IFS= read -r line; do
		printf '%-6s | %s\n' "$1" "${line#"${1%[0-9]}: "}"
	done
}

# Rewrites for people what "client sub" prints: seq, time, topic, user, text.
talk() {
	tab=$(printf '\t')
	while IFS=$tab read -r seq time topic user text; do
		time=${time#*T}
		printf '%s #%s %s: %s (message %s)\n' "${time%.*}" "$topic" \
			"$user" "$text" "$seq"
	done
}

ending() {
	[ -e "$run/end" ]
}

# keep ROLE COMMAND...: runs it until the end, again whenever it ends. Its
# process id is in $run/ROLE.pid, written by the process itself before it
# becomes the program: so nothing is ever started that cannot be ended.
keep() {
	role=$1
	shift
	quick=0
	until ending; do
		since=$(date +%s)
		sh -c 'echo $$ >"$0" && exec "$@"' "$run/$role.pid" "$@" &
		wait $! 2>/dev/null     # some shells would say what it died of
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

# Waits a second, or until the end.
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

# Tells all programs, again and again, since one may only just have started.
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
LISTEN=${LISTEN:-127.0.0.1}
own=tcp://127.0.0.1 open=tcp://$LISTEN to=$open
[ "$LISTEN" != '*' ] || to=$own
export RECADO_BROKER="$to:$PORT" RECADO_PROXY="$to:$xpub"
roles=
trap : HUP INT TERM
role broker ./broker -f "$open:$PORT" -k "$own:$back"
role proxy ./proxy -s "$own:$xsub" -x "$open:$xpub"
role server ./server -d "${DATA:-data}" -b "$own:$back" -p "$own:$xsub" -c geral
role bot1 ./bot -u bot1 -i 1000
role bot2 ./bot -u bot2 -i 1000
{ { keep chat ./client -u up sub geral | talk; } 2>&1 | label chat; } &
roles="$roles $!"
{
	case $LISTEN in
	127.*) echo "only this machine can connect; LISTEN='*' lets all in" ;;
	*) echo "whoever reaches $LISTEN can read all and speak as anybody" ;;
	esac
	echo 'in another terminal: ./client chat; Ctrl-C here ends everything'
} | label up

wait            # until a signal comes
trap '' HUP INT TERM
: >"$run/end"
tell_all &
# shellcheck disable=SC2086 # the process ids are several words
wait $roles
: >"$run/gone"
wait
[ ! -e "$run/failed" ]
