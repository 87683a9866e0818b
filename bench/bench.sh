#!/bin/sh
# bench.sh: measures recado beside its limits in one run, all parts separate processes over loopback
# TCP; "make bench" runs it. Prints a table; writes bench.csv and bench.svg.
#
#   ROUNDS=5   how often everything is measured, recado and its limit in turn; medians are shown
#   SECS=3     how long each measurement lasts
#   QUICK=1    one short round and little data, about a minute: shows that it works, proves nothing
#   PEERS=1    also redis-server, when it is installed: XADD with appendfsync always
#   DIR=bench  where the data directories are made; must be the disk that is meant
#   TO=bench   where bench.csv and bench.svg go, which the README shows; a quick one's go to /tmp
#   PORT=25800 the first of 16 ports
#
# After every run what was acknowledged is looked for in the logs, each request exactly once; after
# every round logck checks all of them. One mistake, or one answer that is not OK, ends it all.
set -u
cd "$(dirname "$0")/.." || exit 1
LC_ALL=C
export LC_ALL
unset RECADO_BROKER RECADO_PROXY RECADO_USER

quick=${QUICK:-}
ROUNDS=${ROUNDS:-${quick:+1}}
ROUNDS=${ROUNDS:-5}
SECS=${SECS:-${quick:+1}}
SECS=${SECS:-3}
TO=${TO:-${quick:+${TMPDIR:-/tmp}}}
TO=${TO:-bench}
PATH=$(cd "${OUT:-.}" && pwd):$(cd "${OUT:-.}" && pwd)/build:$PATH
export PATH
PORT=${PORT:-25800}
PEERS=${PEERS:-}
CLIENTS='1 16 64 256 1024'
SUBSCRIBERS='1 10 100'
FAN_WINDOW=400  # publications ahead of the slowest: a stock proxy (1000) then loses next to none
TOPICS=${quick:+1000}
TOPICS=${TOPICS:-10000}
LINES=${quick:+500000}  # of the big log
LINES=${LINES:-10000000}
MISSED=${quick:+100000}
MISSED=${MISSED:-1000000}
IDLE=${quick:+2}        # seconds
IDLE=${IDLE:-5}

work=$(cd "${DIR:-bench}" && pwd)/data.$$
shm=
pids=
raw=$work/raw
tab=$(printf '\t')
run=0

at() {
	echo "tcp://127.0.0.1:$((PORT + $1))"
}

fail() {
	echo "bench.sh: $*" >&2
	tail -n 3 "$work"/*.err >&2
	exit 1
}

say() {
	printf '%s\n' "$*" >&2
}

# --- processes

# start NAME COMMAND...: in the background; its process id is in $work/NAME.pid.
start() {
	name=$1
	shift
	"$@" >"$work/$name.out" 2>"$work/$name.err" &
	echo $! >"$work/$name.pid"
	pids="$pids $!"
}

pid_of() {
	cat "$work/$1.pid"
}

# stop NAME...
stop() {
	for name in "$@"; do
		pid=$(pid_of "$name")
		kill -s TERM "$pid" && wait "$pid"
		pids=$(for p in $pids; do [ "$p" = "$pid" ] || echo "$p"; done | tr '\n' ' ')
	done 2>/dev/null
}

end() {
	for pid in $pids; do
		kill -s KILL "$pid" 2>/dev/null
	done
	wait
	rm -rf "$work" ${shm:+"$shm"}
}

# Milliseconds of processor time of a process, all its threads.
cpu() {
	cat /proc/"$(pid_of "$1")"/task/*/schedstat 2>/dev/null |
		awk '{ ns += $1 } END { print ns / 1e6 }'
}

# Resident memory in MiB.
rss() {
	awk '/^VmRSS/ { print $2 / 1024 }' /proc/"$(pid_of "$1")"/status
}

# --- figures

# record KEY SYSTEM VALUE
record() {
	printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$raw"
}

quotient() {
	awk -v a="$1" -v b="$2" 'BEGIN { print b == 0 ? 0 : a / b }'
}

# record_cpu WHICH KEY SYSTEM BEFORE PER: processor time since BEFORE, as a share of PER.
record_cpu() {
	record "$2" "$3" "$(awk -v now="$(cpu "$1")" -v before="$4" -v per="$5" \
		'BEGIN { print (now - before) / per }')"
}

# --- recado

# up PREFIX DIRECTORY FIRST-PORT: broker, proxy and server, and waits for an answer.
up() {
	start "$1broker" broker -f "$(at "$3")" -k "$(at $(($3 + 1)))"
	start "$1proxy" proxy -s "$(at $(($3 + 2)))" -x "$(at $(($3 + 3)))"
	up_server "$@" >/dev/null
}

# Prints how many ms it takes until the server has answered: the broker keeps the request until then.
up_server() {
	start "$1server" server -d "$2" -b "$(at $(($3 + 1)))" -p "$(at $(($3 + 2)))"
	benchmark ping "$(at "$3")" || fail "the server does not answer"
}

down() {
	stop "$1server" "$1proxy" "$1broker"
}

# in_logs DIRECTORY RUN COUNT: all requests of a run, each once.
in_logs() {
	found=$(find "$1/channels" -name '*.log' -exec cat {} + |
		grep -F "$tab$2-" | cut -f 6 | sort |
		awk '$0 != last { n++ } { last = $0; all++ } END { print n + 0, all + 0 }')
	[ "$found" = "$3 $3" ] || fail "$3 requests of run $2 were answered OK, in the logs are" \
		"(different, all): $found"
}

# What earlier runs have left to be written must not be charged to the next one.
clean() {
	sync
}

# publish KEY SYSTEM FRONT [DIRECTORY] [OPTION...]: one run of the load, figures recorded and, with a
# directory, verified. The load's own share of a core is kept too: it must not be the limit.
publish() {
	key=$1 system=$2 front=$3 dir=$4
	shift 4
	run=$((run + 1))
	clean
	out=$(benchmark load -i "r$run-" -t "$SECS" "$@" "$front") ||
		fail "$system, $key: the load has failed"
	read -r acknowledged rate p50 p99 share <<-END
		$out
	END
	record "rate.$key" "$system" "$rate"
	record "p50.$key" "$system" "$p50"
	record "p99.$key" "$system" "$p99"
	record "share.$key" "$system" "$share"
	[ -z "$dir" ] || in_logs "$dir" "r$run" "$acknowledged"
}

# --- what is measured, round by round

idle() {
	sleep 1                 # what starting has left to do
	for name in broker proxy server; do
		echo "$name $(cpu "$name")"
	done >"$work/before"
	sleep "$IDLE"
	while read -r name before; do
		record_cpu "$name" "idle.$name" recado "$before" "$((IDLE * 10))"
		record "idlemem.$name" recado "$(rss "$name")"
	done <"$work/before"
}

# Processor time of each process for a request, in us, and memory, with 256 clients.
busy() {
	for name in broker proxy server; do
		echo "$name $(cpu "$name")"
	done >"$work/before"
	publish 256 recado "$(at 0)" "$work/data" -c 256
	while read -r name before; do
		record_cpu "$name" "busy.$name" recado "$before" "$(quotient "$acknowledged" 1000)"
		record "busymem.$name" recado "$(rss "$name")"
	done <"$work/before"
}

requests() {
	for n in $CLIENTS; do
		if [ "$n" = 256 ]; then
			busy
		else
			publish "$n" recado "$(at 0)" "$work/data" -c "$n"
		fi
		publish "$n" echo "$(at 4)" '' -e -c "$n"
		[ -z "$PEERS" ] || [ "$n" -lt 64 ] || redis "$n"
	done
	publish pipe recado "$(at 0)" "$work/data" -w 1000
	publish pipe echo "$(at 4)" '' -e -w 1000
}

topics() {
	for n in 1 10 1000; do
		publish "topics.$n" recado "$(at 0)" "$work/data" -c 256 -k "$n"
	done
}

# fan SYSTEM IN OUT: without loss, and flat out.
fan() {
	out=$(benchmark fanout -c "$n" -w "$FAN_WINDOW" -t "$SECS" "$2" "$3") ||
		fail "$1: fan-out to $n"
	read -r _ _ rate lost <<-END
		$out
	END
	[ "$1" = stock ] || [ "$lost" = 0.00 ] || fail "$1: fan-out to $n lost $lost %"
	record "fan.$n" "$1" "$rate"
	out=$(benchmark fanout -c "$n" -w 0 -t "$SECS" "$2" "$3") ||
		fail "$1: fan-out to $n, flat out"
	read -r _ _ rate lost <<-END
		$out
	END
	record "flat.$n" "$1" "$rate"
	record "flatlost.$n" "$1" "$lost"
}

fanout() {
	for n in $SUBSCRIBERS; do
		fan recado "$(at 2)" "$(at 3)"
		fan stock "$(at 6)" "$(at 7)"
	done
}

# What a subscriber loses of what is published while requests come as fast as they are answered.
live() {
	start listen benchmark listen -t 1 "$(at 3)"
	until grep -q ready "$work/listen.err"; do
		sleep 0.1
	done
	publish live recado "$(at 0)" "$work/data" -w 1000
	wait "$(pid_of listen)" || fail "the subscriber has failed"
	record livelost recado "$(awk -v got="$(cat "$work/listen.out")" -v all="$acknowledged" \
		'BEGIN { print 100 * (all - got) / all }')"
}

disk() {
	for how in append place; do
		in_place=
		[ $how = append ] || in_place=-p
		clean
		out=$(benchmark disk $in_place -t "$SECS" "$work/disk") ||
			fail 'the disk has failed'
		read -r _ rate p50 p99 <<-END
			$out
		END
		record "rate.$how" disk "$rate"
		record "p50.$how" disk "$p50"
		record "p99.$how" disk "$p99"
	done
	rm -f "$work/disk"
}

# The same load with a plain server that syncs each request, and with recado on a disk that forgets.
price() {
	start sync_proxy benchmark echo-proxy "$(at 8)" "$(at 9)"
	start sync_server benchmark echo-server -d "$work/plain" "$(at 9)"
	for n in 1 64; do
		publish "$n" plain "$(at 8)" '' -e -c "$n"
	done
	stop sync_server sync_proxy
	rm -f "$work/plain"
	[ -n "$shm" ] || return 0
	up shm_ "$shm" 10
	benchmark create -k 10 -n 64 "$(at 10)" || fail 'no channels in memory'
	for n in 1 64; do
		publish "$n" memory "$(at 10)" "$shm" -c "$n"
	done
	down shm_
	rm -rf "${shm:?}"/*
}

redis_up() {
	start redis redis-server --port $((PORT + 14)) --bind 127.0.0.1 --dir "$work" --save '' \
		--appendonly yes --appendfsync always
	until redis-cli -p $((PORT + 14)) ping >/dev/null 2>&1; do
		sleep 0.1
	done
}

redis() {
	clean
	rate=$(redis-benchmark -p $((PORT + 14)) -c "$1" -n $((SECS * 40000)) -r 10 --csv \
		XADD t__rand_int__ '*' user u1 message \
		'Bom dia a todos, alguém sabe a que horas começa a reunião de hoje?' \
		timestamp 1700000000.123 id r1-123456 2>/dev/null | tail -n 1 | cut -d '"' -f 4)
	record "rate.$1" redis "$rate"
}

redis_down() {
	redis-cli -p $((PORT + 14)) shutdown nosave
	wait "$(pid_of redis)"
	rm -rf "$work"/appendonly*
}

round() {
	start echo_proxy benchmark echo-proxy "$(at 4)" "$(at 5)"
	start echo_server benchmark echo-server "$(at 5)"
	[ -z "$PEERS" ] || redis_up
	start stock benchmark pubsub-proxy "$(at 6)" "$(at 7)"
	up '' "$work/data" 0
	[ ! -r /proc/self/schedstat ] || idle
	benchmark create -k 1000 -n 1024 "$(at 0)" || fail 'no channels'
	disk
	price
	requests
	topics
	fanout
	live
	[ -z "$PEERS" ] || redis_down
	down ''
	stop echo_server echo_proxy stock
	logck -q "$work/data" || fail 'logck found damage'
	rm -rf "$work/data"
}

# --- much data

# Start with many topics, and memory: after it, and after a publication to each of them.
many_topics() {
	benchmark fill -k "$TOPICS" -n $((LINES / TOPICS)) "$work/data" || fail 'no data'
	up '' "$work/data" 0
	record startmem recado "$(rss server)"
	for _ in 1 2 3 4 5; do
		stop server
		record start recado "$(up_server '' "$work/data" 0)"
	done
	benchmark create -k 1 -n 256 "$(at 0)" || fail 'no users'
	publish many recado "$(at 0)" "$work/data" -c 256 -k "$TOPICS"
	record manymem recado "$(rss server)"
	down ''
	rm -rf "$work/data"
}

long_log() {
	benchmark fill -n "$LINES" "$work/data" big || fail 'no data'
	benchmark fill -n 1000 "$work/data" small || fail 'no data'
	up '' "$work/data" 0
	i=0
	while [ $((i += 1)) -le "$ROUNDS" ]; do
		for log in small big; do
			lines=1000
			[ $log = small ] || lines=$LINES
			out=$(benchmark history -s $log -n "$lines" -t "$SECS" "$(at 0)") ||
				fail "history of $log"
			read -r _ rate p50 p99 _ <<-END
				$out
			END
			record history.$log recado "$p50"
		done
		out=$(benchmark catchup -s big -a $((LINES - MISSED)) "$(at 0)") ||
			fail 'catching up'
		[ "${out% *}" = "$MISSED" ] || fail "caught up with ${out% *} of $MISSED messages"
		record catchup recado "${out#* }"
		ms=$(benchmark timed client -b "$(at 0)" -p "$(at 3)" -u ana \
			sub -c "$MISSED" -s $((LINES - MISSED)) big 2>"$work/client.err") ||
			fail 'client sub'
		record catchup.client recado "$(quotient "${MISSED}000" "$ms")"
	done
	down ''
	rm -rf "$work/data"
}

# --- the whole

if [ -e "$work" ] || ! mkdir "$work"; then
	say "bench.sh: $work: cannot be made"
	exit 1
fi
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if [ -d /dev/shm ] && [ -w /dev/shm ]; then
	shm=/dev/shm/recado-bench.$$
	mkdir "$shm" || shm=
fi
if [ -n "$PEERS" ] && ! command -v redis-benchmark >/dev/null; then
	say 'redis-server is not installed: it is left out'
	PEERS=
fi
# Each client is a descriptor here and in the broker.
# shellcheck disable=SC3045 # where -n is not known, the limit stays as it is
ulimit -n 4096 2>/dev/null

count=0
while [ $((count += 1)) -le "$ROUNDS" ]; do
	say "round $count of $ROUNDS"
	round
done
say "$TOPICS topics with $LINES messages"
many_topics
say "a log of $LINES messages"
long_log

machine="$(getconf _NPROCESSORS_ONLN) processors, $(uname -sr | cut -d - -f 1), $ROUNDS x $SECS s, medians"
sort -t "$tab" -k 1,1 -k 2,2 -k 3,3n "$raw" | awk -F "$tab" -v machine="$machine" \
	-v topics="$TOPICS" -v lines="$LINES" -v missed="$MISSED" \
	-v csv="$TO/bench.csv" -v svg="$TO/bench.svg" -f bench/bench.awk
