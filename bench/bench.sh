#!/bin/sh
# bench.sh: measures recado next to its limits in one run, all parts separate
# processes over loopback TCP; "make bench" runs it. Prints a table and writes
# bench.csv and bench.svg.
#
#   ROUNDS=5   how often to measure everything, recado and its limit in turn;
#              the results are medians
#   SECS=3     how long each measurement lasts
#   QUICK=1    one short round with little data, about a minute: shows that
#              it works, proves nothing
#   PEERS=1    also measures redis-server, if installed: XADD with
#              appendfsync always
#   DIR=bench  where the data directories go: it must be on the disk to be
#              measured
#   TO=bench   where bench.csv and bench.svg go, which the README shows;
#              those of a quick run go to /tmp
#   PORT=25800 the first of 16 ports
#   OUT=.      where "make OUT=..." has built the programs
#
# After every run the logs must hold each acknowledged request exactly once;
# after every round logck verifies all logs. One mistake, one answer that is
# not OK, or one process that fails ends the benchmark.
set -u
cd "$(dirname "$0")/.." || exit 1
LC_ALL=C
export LC_ALL
unset RECADO_BROKER RECADO_PROXY RECADO_USER
OUT=$(cd "${OUT:-.}" && pwd) || exit 1
PATH=$OUT:$OUT/build:$PATH
export PATH

quick=${QUICK:-}
ROUNDS=${ROUNDS:-${quick:+1}}
ROUNDS=${ROUNDS:-5}
SECS=${SECS:-${quick:+1}}
SECS=${SECS:-3}
TO=${TO:-${quick:+${TMPDIR:-/tmp}}}
TO=${TO:-bench}
PORT=${PORT:-25800}
PEERS=${PEERS:-}
CLIENTS='1 16 64 256 1024'
SUBSCRIBERS='1 10 100'
FAN_WINDOW=400  # publications; a stock proxy, which queues 1000, loses few
TOPICS=${quick:+1000}
TOPICS=${TOPICS:-10000}
BIG_LINES=${quick:+500000}      # LINES alone is bash's, the terminal's
BIG_LINES=${BIG_LINES:-10000000}
MISSED=${quick:+100000}
MISSED=${MISSED:-1000000}
IDLE=${quick:+2}                # seconds
IDLE=${IDLE:-5}
PATIENCE=30                     # seconds to wait for a condition
MESSAGE='Bom dia a todos, alguém sabe a que horas começa a reunião de hoje?'

work=$(cd "${DIR:-bench}" && pwd) || exit 1
work=$work/data.$$
shm=                            # a directory in memory
raw=$work/raw
tab=$(printf '\t')
run=0

# at N: the N-th endpoint.
at() {
	echo "tcp://127.0.0.1:$((PORT + $1))"
}

# Not to be called in a subshell, which alone would end.
fail() {
	echo "bench.sh: $*" >&2
	tail -n 3 "$work"/*.err >&2
	exit 1
}

say() {
	printf '%s\n' "$*" >&2
}

# wait_for COMMAND...: until it succeeds.
wait_for() {
	tries=$((PATIENCE * 20))
	until "$@" >/dev/null 2>&1; do
		[ $((tries -= 1)) -gt 0 ] || fail "waited in vain for: $*"
		sleep 0.05
	done
}

# --- processes

# start NAME COMMAND...: in the background. While it is to run, its process id
# is in $work/NAME.pid.
start() {
	name=$1
	shift
	"$@" >"$work/$name.out" 2>"$work/$name.err" &
	echo $! >"$work/$name.pid"
}

pid_of() {
	cat "$work/$1.pid"
}

# ended NAME [CODE]: waits for its end, which must be with 0 or CODE.
ended() {
	status=0
	wait "$(pid_of "$1")" 2>/dev/null || status=$?
	rm "$work/$1.pid"
	[ $status = 0 ] || [ $status = "${2:-0}" ] ||
		fail "$1 ended with status $status"
}

# stop NAME...: 143 is the end of those that do not catch the signal.
stop() {
	for name in "$@"; do
		kill -s TERM "$(pid_of "$name")"
		ended "$name" 143
	done
}

end() {
	for file in "$work"/*.pid; do
		[ -e "$file" ] || continue
		read -r pid <"$file"
		kill -s KILL "$pid"
		wait "$pid"
	done 2>/dev/null
	rm -rf "$work" ${shm:+"$shm"}
}

# cpu NAME: ms of CPU time, all threads.
cpu() {
	cat /proc/"$(pid_of "$1")"/task/*/schedstat 2>/dev/null |
		awk '{ ns += $1 } END { print ns / 1e6 }'
}

# rss NAME: resident memory in MiB.
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

# note_cpu: notes the CPU time of the daemons so far.
note_cpu() {
	for name in broker proxy server; do
		echo "$name $(cpu "$name")"
	done >"$work/cpu"
}

# record_cpu PREFIX PER: the CPU time of each daemon since note_cpu, divided by
# PER, as PREFIX.NAME; and its memory, as PREFIXmem.NAME.
record_cpu() {
	while read -r name before; do
		record "$1.$name" recado "$(awk -v now="$(cpu "$name")" \
			-v before="$before" -v per="$2" \
			'BEGIN { print (now - before) / per }')"
		record "$1mem.$name" recado "$(rss "$name")"
	done <"$work/cpu"
}

# --- recado

# up PREFIX DIRECTORY FIRST-PORT: broker, proxy and server.
up() {
	start "$1broker" broker -f "$(at "$3")" -k "$(at $(($3 + 1)))"
	start "$1proxy" proxy -s "$(at $(($3 + 2)))" -x "$(at $(($3 + 3)))"
	up_server "$@"
}

# Sets ready_ms to the ms until the server has answered a request, which the
# broker keeps until then.
up_server() {
	start "$1server" server -d "$2" -b "$(at $(($3 + 1)))" \
		-p "$(at $(($3 + 2)))"
	ready_ms=$(benchmark ping "$(at "$3")") ||
		fail 'the server does not answer'
}

down() {
	stop "$1server" "$1proxy" "$1broker"
}

# in_logs DIRECTORY PREFIX COUNT: the logs must hold COUNT requests with ids of
# this prefix, each once.
in_logs() {
	found=$(find "$1/channels" -name '*.log' -exec cat {} + |
		grep -F "$tab$2" | cut -f 6 | sort |
		awk '$0 != last { n++ }
			{ last = $0; all++ }
			END { print n + 0, all + 0 }')
	[ "$found" = "$3 $3" ] || fail "$3 requests $2N were answered OK;" \
		"the logs have (different ones, all): $found"
}

# What earlier runs left unwritten must not slow down the next one.
clean() {
	sync
}

# publish KEY SYSTEM FRONT DIRECTORY [OPTION...]: runs the load and records its
# figures; unless DIRECTORY is empty, verifies the logs there. The load's own
# share of a core is recorded too: it must not be the limit.
publish() {
	key=$1 system=$2 front=$3 dir=$4
	shift 4
	id=r$((run += 1))-
	clean
	out=$(benchmark load -i "$id" -t "$SECS" "$@" "$front") ||
		fail "$system, $key: the load failed"
	read -r acknowledged rate p50 p99 share <<-END
		$out
	END
	record "rate.$key" "$system" "$rate"
	record "p50.$key" "$system" "$p50"
	record "p99.$key" "$system" "$p99"
	record "share.$key" "$system" "$share"
	[ -z "$dir" ] || in_logs "$dir" "$id" "$acknowledged"
}

# --- one round

# CPU in % of a core, and memory.
idle() {
	sleep 2         # a server does its last work after a second of quiet
	note_cpu
	sleep "$IDLE"
	record_cpu idle $((IDLE * 10))
}

# CPU per request in us, and memory, with 256 clients.
busy() {
	note_cpu
	publish 256 recado "$(at 0)" "$work/data" -c 256
	record_cpu busy "$(quotient "$acknowledged" 1000)"
}

requests() {
	for n in $CLIENTS; do
		if [ "$n" = 256 ]; then
			busy
		else
			publish "$n" recado "$(at 0)" "$work/data" -c "$n"
		fi
		publish "$n" echo "$(at 4)" '' -e -c "$n"
		[ -z "$PEERS" ] || [ "$n" -lt 64 ] || redis_load "$n"
	done
	publish pipe recado "$(at 0)" "$work/data" -w 1000
	publish pipe echo "$(at 4)" '' -e -w 1000
}

topics() {
	for n in 1 10 1000; do
		publish "topics.$n" recado "$(at 0)" "$work/data" -c 256 -k "$n"
	done
}

# A stock proxy stands still at times: it has a second try.
fan_without_loss() {
	benchmark fanout -c "$n" -w $FAN_WINDOW -t "$SECS" "$2" "$3" && return
	[ "$1" = stock ] &&
		benchmark fanout -c "$n" -w $FAN_WINDOW -t "$SECS" "$2" "$3"
}

# fan SYSTEM IN OUT: to $n subscribers, without loss, and flat out.
fan() {
	out=$(fan_without_loss "$@") || fail "$1: fan-out to $n failed"
	read -r _ _ rate lost <<-END
		$out
	END
	[ "$1" = stock ] || [ "$lost" = 0.00 ] ||
		fail "$1: fan-out to $n lost $lost %"
	record "fan.$n" "$1" "$rate"
	out=$(benchmark fanout -c "$n" -w 0 -t "$SECS" "$2" "$3") ||
		fail "$1: fan-out to $n, flat out, failed"
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

# What a subscriber loses while requests come as fast as they are answered.
live() {
	start listen benchmark listen -t 1 "$(at 3)"
	wait_for grep -q ready "$work/listen.err"
	publish live recado "$(at 0)" "$work/data" -w 1000
	ended listen
	record livelost recado "$(awk -v got="$(cat "$work/listen.out")" \
		-v all="$acknowledged" \
		'BEGIN { print 100 * (all - got) / all }')"
}

disk() {
	for how in append place; do
		in_place=
		[ $how = append ] || in_place=-p
		clean
		out=$(benchmark disk $in_place -t "$SECS" "$work/disk") ||
			fail 'the disk failed'
		read -r _ rate p50 p99 <<-END
			$out
		END
		record "rate.$how" disk "$rate"
		record "p50.$how" disk "$p50"
		record "p99.$how" disk "$p99"
	done
	rm -f "$work/disk"
}

# The same load with a plain server that syncs each request, and with recado in
# memory, where a sync does nothing.
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
	benchmark create -k 10 -n 64 "$(at 10)" ||
		fail 'cannot create channels in memory'
	for n in 1 64; do
		publish "$n" memory "$(at 10)" "$shm" -c "$n"
	done
	down shm_
	rm -rf "${shm:?}"/*
}

redis_up() {
	start redis redis-server --port $((PORT + 14)) --bind 127.0.0.1 \
		--dir "$work" --save '' --appendonly yes --appendfsync always
	wait_for redis-cli -p $((PORT + 14)) ping
}

redis_load() {
	clean
	out=$(redis-benchmark -p $((PORT + 14)) -c "$1" \
		-n $((SECS * 40000)) -r 10 --csv \
		XADD t__rand_int__ '*' user u1 message "$MESSAGE" \
		timestamp 1700000000.123 id r1-123456 2>/dev/null) ||
		fail 'redis-benchmark failed'
	record "rate.$1" redis "$(echo "$out" | tail -n 1 | cut -d '"' -f 4)"
}

redis_down() {
	redis-cli -p $((PORT + 14)) shutdown nosave
	ended redis
	rm -rf "$work"/appendonly*
}

round() {
	start echo_proxy benchmark echo-proxy "$(at 4)" "$(at 5)"
	start echo_server benchmark echo-server "$(at 5)"
	[ -z "$PEERS" ] || redis_up
	start stock benchmark pubsub-proxy "$(at 6)" "$(at 7)"
	up '' "$work/data" 0
	[ ! -r /proc/self/schedstat ] || idle
	benchmark create -k 1000 -n 1024 "$(at 0)" ||
		fail 'cannot create channels'
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

# The start with many topics; memory after it, and after a publication to each.
many_topics() {
	benchmark fill -k "$TOPICS" -n $((BIG_LINES / TOPICS)) "$work/data" ||
		fail "cannot write $TOPICS logs"
	up '' "$work/data" 0
	record startmem recado "$(rss server)"
	for _ in 1 2 3 4 5; do
		stop server
		up_server '' "$work/data" 0
		record start recado "$ready_ms"
	done
	benchmark create -k 1 -n 256 "$(at 0)" || fail 'cannot create users'
	publish many recado "$(at 0)" "$work/data" -c 256 -k "$TOPICS"
	record manymem recado "$(rss server)"
	down ''
	rm -rf "$work/data"
}

# history LOG LINES: pages at random places.
history() {
	out=$(benchmark history -s "$1" -n "$2" -t "$SECS" "$(at 0)") ||
		fail "history of the $1 log failed"
	read -r _ _ p50 _ <<-END
		$out
	END
	record "history.$1" recado "$p50"
}

# The last $MISSED messages: as fast as a server gives them, and by the client.
catch_up() {
	seen=$((BIG_LINES - MISSED))
	out=$(benchmark catchup -s big -a $seen "$(at 0)") ||
		fail 'catching up failed'
	[ "${out% *}" = "$MISSED" ] ||
		fail "caught up with ${out% *} of $MISSED messages"
	record catchup recado "${out#* }"
	ms=$(benchmark timed client -b "$(at 0)" -p "$(at 3)" -u ana \
		sub -c "$MISSED" -s $seen big 2>"$work/client.err") ||
		fail 'client sub failed'
	record catchup.client recado "$(quotient "${MISSED}000" "$ms")"
}

long_log() {
	{ benchmark fill -n "$BIG_LINES" "$work/data" big &&
		benchmark fill -n 1000 "$work/data" small; } ||
		fail 'cannot write two logs'
	up '' "$work/data" 0
	i=0
	while [ $((i += 1)) -le "$ROUNDS" ]; do
		history small 1000
		history big "$BIG_LINES"
		catch_up
	done
	down ''
	rm -rf "$work/data"
}

# --- the whole

if [ -e "$work" ] || ! mkdir "$work"; then
	say "bench.sh: $work: cannot create the directory"
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
	say 'bench.sh: redis-server: not installed, not measured'
	PEERS=
fi
# Each client costs a descriptor here and in the broker.
# shellcheck disable=SC3045 # where -n is not known, the limit stays as it is
ulimit -n 4096 2>/dev/null

count=0
while [ $((count += 1)) -le "$ROUNDS" ]; do
	say "round $count of $ROUNDS"
	round
done
say "$TOPICS topics with $BIG_LINES messages"
many_topics
say "a log of $BIG_LINES messages"
long_log

machine="$(getconf _NPROCESSORS_ONLN) processors,\
 $(uname -sr | cut -d - -f 1), $ROUNDS x $SECS s, medians"
sort -t "$tab" -k 1,1 -k 2,2 -k 3,3n "$raw" |
	awk -F "$tab" -v machine="$machine" -v topics="$TOPICS" \
		-v lines="$BIG_LINES" -v missed="$MISSED" \
		-v csv="$TO/bench.csv" -v svg="$TO/bench.svg" -f bench/bench.awk
