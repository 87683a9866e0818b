#!/bin/sh
# shellcheck disable=SC2317 # functions that are called by name
#
# tests/soak.sh: real kills. A whole system, two servers on one directory, with
# bots, the client and a load of its own. Its processes are killed with kill -9,
# in turn and together, and servers are stopped for longer than the broker waits
# for a heartbeat. After each of these traffic must flow again. At the end every
# promise is checked: what was acknowledged is in its log once, under the seq of
# its reply, in order, and a subscriber that catches up has seen the whole log,
# once.
#
# All the while rude peers (rude.c) do what they can to the front and the proxy,
# up to three of them at a time: they never read, flood, send garbage, subscribe
# a million times, come in crowds, leave before they are heard, break the
# protocol. The others must not feel it.
#
# It prints a character per cycle while it runs:
#   1 2  kill -9 of server 1 or 2
#   b p  of the broker or the proxy
#   +    of both servers
#   a    of everything
#   m    of some of all, at random
#   d    of a server, and again while it comes back
#   c    chaos: several of them, one after the other, whether the others are
#        back or not
#   z    a server is stopped (SIGSTOP) for longer than the broker waits for its
#        heartbeat
#   y    the broker or the proxy is stopped for a shorter time
#   f    strangers pass for servers of another directory: some take requests and
#        never answer, one says nonsense
#   g    the same, but of this directory, so that they get requests
# and at the end a line of totals.
#
# CYCLES (12): how many. SERVERS (2): 1 or 2. KINDS: which of the above. SEED:
# of what is random here; it is printed when something fails. RUDE: the ways in
# which peers are rude; may be empty. PATIENCE (30): seconds to wait for any
# condition.
set -u
cd "$(dirname "$0")/.." || exit 1
PATH=$(pwd):$(pwd)/build:$PATH
LC_ALL=C
export PATH LC_ALL
. tests/lib.sh

CYCLES=${CYCLES:-12}
SERVERS=${SERVERS:-2}
PATIENCE=${PATIENCE:-30}
SEED=${SEED:-$$}
[ "$SERVERS" = 2 ] && KINDS=${KINDS:-'1 2 + b p d a z m c y f g'}
KINDS=${KINDS:-'1 b p d a z m c y f g'}
RUDE=${RUDE-deaf flood malformed garbage subscribe endless visit visit-xpub \
	crowd}
RUDE_S=3                # seconds for each of them
IMPOSTORS_S=5           # the broker drops a server that answers nothing sooner
HANG_S=4                # the broker drops a server that is silent for 3 s
LOGCK_EVERY=10          # cycles: it reads all logs
CHANNELS='canal1 canal2 canal3 canal4'
TALKERS='bot1 bot2 tagarela'

random=$SEED
cycle=0
servers=server1
[ "$SERVERS" = 1 ] || servers='server1 server2'
daemons="broker proxy $servers"
dir=$(mktemp -d) || exit 1
cd "$dir" || exit 1

# below N: sets $n to a random number below N.
below() {
	random=$(((random * 1103515245 + 12345) % 2147483648))
	n=$((random / 65536 % $1))
}

# pause N: a random time below N tenths of a second.
pause() {
	below "$1"
	sleep "$((n / 10)).$((n % 10))"
}

# --- processes

# keep NAME COMMAND...: a daemon that comes back a short random moment after it
# died, until the end. Only kill -9 may end it before.
keep() {
	role=$1
	salt=$(echo "$1" | cksum | cut -d ' ' -f 1)
	random=$((SEED + salt))
	until [ -e ending ]; do
		run "$@" </dev/null
		code=$(cat "$role.rc")
		[ "$code" = 137 ] || [ -e ending ] || {
			why=$(tail -n 1 "$role.err")
			echo "$role ended with $code: $why" >>wrong
			return
		}
		[ -e ending ] || pause 12
	done
}

gone() {
	! kill -s 0 "$1"
}

# kill9 NAME...: all of them at once. The load has to know when a broker took
# requests with it.
kill9() {
	pids=
	for name; do
		wait_for [ -s "$name.pid" ] ||
			stop_here "$name does not come back"
		pids="$pids $(cat "$name.pid")"
		echo "$name" >>killed
	done
	# shellcheck disable=SC2086 # process ids
	kill -s KILL $pids
	for pid in $pids; do
		wait_for gone "$pid"
	done
	case $* in
	*broker*) echo broker >&4 ;;
	esac
}

# --- the end of it all

# stop_here WHY: nothing can be learnt by going on.
stop_here() {
	trap - INT TERM
	printf '\nFAILED: cycle %d: %s\n' "$cycle" "$*"
	failed=$((failed + 1))
	: >silence
	: >ending
	exec 4>&-
	while ls ./*.pid >/dev/null 2>&1; do
		for file in ./*.pid; do
			read -r pid <"$file" || continue
			kill -s CONT "$pid"
			# Who waited for it may have been interrupted.
			kill -s KILL "$pid" || rm -f "$file"
		done 2>/dev/null
		sleep 0.1
	done
	wait
	finish
}

finish() {
	cd / || exit 1
	if [ $failed = 0 ]; then
		rm -rf "$dir"
	else
		echo "SEED=$SEED; everything is kept in $dir"
	fi
	closing_line
	exit
}

# --- the system

# The first broker and the first proxy choose the ports, which the later ones
# get again.
start_daemons() {
	any='tcp://127.0.0.1:*'
	run broker broker -f "$any" -k "$any" </dev/null &
	run proxy proxy -s "$any" -x "$any" </dev/null &
	for name in broker proxy; do
		wait_for is_ready $name || stop_here "$(cat $name.err)"
	done
	front=$(endpoint broker 1) back=$(endpoint broker 2)
	xsub=$(endpoint proxy 1) xpub=$(endpoint proxy 2)
	signal broker TERM
	signal proxy TERM
	wait
	keep broker broker -f "$front" -k "$back" &
	keep proxy proxy -s "$xsub" -x "$xpub" &
	for name in $servers; do
		keep "$name" server -d data -b "$back" -p "$xsub" &
	done
}

# What the client sends: lines with numbers, some at a time, until it has to
# be quiet.
speak() {
	line=0
	until [ -e silence ]; do
		for _ in 1 2 3 4 5; do
			line=$((line + 1))
			echo "tagarela $line" | tee -a spoken
		done
		sleep 0.1
	done
}

# be_rude WAY: once. Not at the back: strangers there are kinds f and g. A crowd
# takes the places of its own address only, and has another one.
be_rude() {
	case $1 in
	malformed)
		for port in "$front" "$xsub" "$xpub"; do
			rude malformed "$port" 1000 || return 1
		done ;;
	subscribe) rude subscribe "$xpub" 1000000 ;;
	endless) rude endless "$front" 64 ;;
	visit-xpub) rude visit-xpub "$xpub" "$RUDE_S" ;;
	crowd)
		sleep "$RUDE_S" | rude crowd "$(elsewhere "$front")" DEALER 2000
		sleep "$RUDE_S" | rude crowd "$(elsewhere "$xpub")" SUB 100 ;;
	*) rude "$1" "$front" "$RUDE_S" ;;
	esac
}

# keep_being_rude NAME SALT: one way after the other, as chance has it. That a
# daemon was killed under one does not matter.
keep_being_rude() {
	name=$1 random=$((SEED + $2))
	until [ -e silence ] || [ -z "$RUDE" ]; do
		# shellcheck disable=SC2086 # several ways
		set -- $RUDE
		below $#
		shift "$n"
		echo "$1" >>rudeness
		run "$name" be_rude "$1" </dev/null
		pause 20
	done
}

start_clients() {
	export RECADO_BROKER="$front" RECADO_PROXY="$xpub"
	# shellcheck disable=SC2086 # several channels
	client -t "$PATIENCE" create $CHANNELS || stop_here 'no channels'
	client -t "$PATIENCE" -u caixa login || stop_here 'no login'
	run bot1 bot -S -u bot1 -i 20 </dev/null &
	run bot2 bot -S -u bot2 -i 30 </dev/null &
	speak | run tagarela client -t "$PATIENCE" -u tagarela pub canal1 &
	# shellcheck disable=SC2086
	run reader client -t "$PATIENCE" -u caixa sub -s 0 $CHANNELS \
		</dev/null &
	mkfifo orders
	# shellcheck disable=SC2086
	run load soak_load "$front" "$xpub" . $TALKERS <orders &
	exec 4>orders
	rude=
	for n in 1 2 3; do
		keep_being_rude rude$n $n &
		rude="$rude $!"
	done
}

# --- a cycle

flowing() {
	[ -e load.rc ] || [ -s wrong ] || [ -s load.err ] ||
		[ "$(wc -l <load.out)" -gt "$flows" ]
}

# Waits until every daemon is back and everything works again.
settle() {
	for name in $daemons; do
		wait_for is_ready "$name" ||
			stop_here "$name: $(cat wrong "$name.err")"
	done
	flows=$(wc -l <load.out)
	echo flow >&4
	wait_for flowing || stop_here 'traffic does not flow again'
	[ ! -s load.err ] || stop_here "$(head -n 10 load.err)"
	[ ! -s wrong ] || stop_here "$(cat wrong)"
	[ ! -e load.rc ] || stop_here 'the load has ended'
}

one_server() {
	below "$SERVERS"
	name=server$((n + 1))
}

# Is it locked, and does it stay that way?
stays_locked() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		soak_load locked data/lock || return 1
		sleep 0.02
	done
}

# A server that is stopped while it has the lock holds up the other server too.
# Only then a request may be refused.
hang() {
	one_server
	echo stopped >>killed
	signal "$name" STOP
	if stays_locked; then
		echo locked >>killed
		echo hung >&4
	elif [ "$SERVERS" = 1 ]; then
		echo hung >&4
	fi
	sleep $HANG_S
	pause 15
	signal "$name" CONT
	echo awake >&4
}

# Clients wait for it, and see no error.
doze() {
	name=broker
	below 2
	[ "$n" = 0 ] || name=proxy
	echo stopped >>killed
	signal $name STOP
	sleep 1
	pause 10
	signal $name CONT
}

# impostors DIRECTORY: no server of ours fails here, so that nothing may be
# refused as long as they get no requests.
impostors() {
	run liar rude liar "$back" "$IMPOSTORS_S" "$1" </dev/null &
	liar=$!
	run babbler rude babbler "$back" "$IMPOSTORS_S" "$1" </dev/null
	wait $liar
}

# Here a request may go from one to the other until it is refused.
traitors() {
	echo hung >&4
	impostors "$(cat data/id)"
	echo awake >&4
}

again() {
	one_server
	kill9 "$name"
	wait_for [ -s "$name.pid" ]
	pause 3
	kill9 "$name"
}

mixed() {
	set --
	for name in $daemons; do
		below 2
		[ "$n" = 0 ] || set -- "$@" "$name"
	done
	[ $# -gt 0 ] || set -- server1
	kill9 "$@"
}

# Here a request may wait so long for a server that it is refused.
chaos() {
	echo hung >&4
	for _ in 1 2 3 4 5 6; do
		pause 6
		mixed
	done
	echo awake >&4
}

# Each kind in turn, then any.
choose() {
	# shellcheck disable=SC2086 # several kinds
	set -- $KINDS
	n=$((cycle - 1))
	[ $n -lt $# ] || below $#
	shift $n
	kind=$1
}

# shellcheck disable=SC2086 # several names
disturb() {
	case $kind in
	1) kill9 server1 ;;
	2) kill9 server2 ;;
	b) kill9 broker ;;
	p) kill9 proxy ;;
	d) again ;;
	m) mixed ;;
	z) hang ;;
	c) chaos ;;
	y) doze ;;
	f) impostors 1 ;;
	g) traitors ;;
	+) kill9 $servers ;;
	a) kill9 $daemons ;;
	*) stop_here "KINDS: unknown kind: $kind" ;;
	esac
}

run_cycle() {
	choose
	echo push >&4           # so that what is killed has much in its hands
	pause 5
	disturb
	settle
	[ $((cycle % LOGCK_EVERY)) != 0 ] || logck -q data >said 2>&1 ||
		stop_here "logck: $(cat said)"
	passed=$((passed + 1))
	printf %s "$kind"
}

# --- what must be true in the end

file_of() {
	case $1 in
	caixa) echo data/users/caixa.log ;;
	*) echo "data/channels/$1.log" ;;
	esac
}

# "topic seq name number" of all that the load has stored.
list_stored() {
	for topic in $CHANNELS caixa; do
		awk -F '\t' -v t="$topic" '$3 ~ /^(req|retry|pipe)[0-9]$/ {
			split($4, word, " "); print t, $1, word[1], word[2]
		}' "$(file_of "$topic")"
	done >stored
	sort stored >stored.sorted
	sort acked >acked.sorted
	cut -d ' ' -f 3,4 stored | sort >stored.names
	{
		cut -d ' ' -f 3,4 acked
		cat unknown
	} | sort >known.names
	comm -23 acked.sorted stored.sorted >lost
	uniq -d stored.names >duplicated
	comm -23 stored.names known.names >unasked
	# Not FNR == NR: often "unknown" is empty.
	awk 'FILENAME == "unknown" { open[$0] = 1; next }
		($3 " " $4) in open { next }
		$4 <= last[$1, $3] { print }
		{ last[$1, $3] = $4 }' unknown stored >disordered
}

empty() {
	cat "$1"
	[ ! -s "$1" ]
}

same() {
	cmp "$1" "$2" || {
		diff "$1" "$2" | head -n 5
		return 1
	}
}

# Both subscribers have seen each log, line by line.
seen_is_logged() {
	for topic in $CHANNELS caixa; do
		cut -f 1,3,4 "$(file_of "$topic")" >logged
		same logged "seen.$topic" || return 1
		awk -F '\t' -v OFS='\t' -v t="$topic" \
			'$3 == t { print $1, $4, $5 }' reader.out >seen
		same logged seen || return 1
	done
}

# What the client has sent is there once, all of it, in order.
spoken_is_logged() {
	awk -F '\t' '$3 == "tagarela" { print $4 }' \
		data/channels/canal1.log >logged
	same logged spoken
}

# A login that was given to a second server is one login.
events_are_single() {
	cut -f 3,6 data/events.log | sort | uniq -d >twice
	empty twice
}

has_read_all() {
	lines=$(for topic in $CHANNELS caixa; do
		cat "$(file_of "$topic")"
	done | wc -l)
	[ "$(wc -l <reader.out)" -ge "$lines" ]
}

stop_clients() {
	: >silence
	# shellcheck disable=SC2086 # process ids
	wait $rude
	check 'the client has sent all' ended_with tagarela 0
	for name in bot1 bot2; do
		signal $name TERM
		check "$name: nothing refused, twice or missing" \
			ended_with $name 0
		check "$name has spoken" \
			grep -q 'ok=[1-9][0-9]* erro=0' $name.out
	done
	exec 4>&-
	check 'the load has seen nothing wrong' ended_with load 0
	check 'client sub has come to the end' wait_for has_read_all
	signal reader TERM
	check 'client sub ends on a signal' ended_with reader 143
}

stop_daemons() {
	: >ending
	for name in $daemons; do
		signal "$name" TERM
	done
	for name in $daemons; do
		check "$name ends with 0" ended_with "$name" 0
	done
	wait
}

number_of() {
	grep -c "^$1\$" killed
}

totals() {
	printf 'cycles %d, kills: broker %d proxy %d server1 %d server2 %d, ' \
		"$cycle" "$(number_of broker)" "$(number_of proxy)" \
		"$(number_of server1)" "$(number_of server2)"
	printf 'stopped %d (%d with the lock); ' \
		"$(number_of stopped)" "$(number_of locked)"
	printf '%s lost %d duplicated %d out of order %d\n' \
		"$(tail -n 1 load.out)" \
		"$(wc -l <lost)" "$(wc -l <duplicated)" "$(wc -l <disordered)"
}

trap 'stop_here interrupted' INT TERM
: >wrong
: >killed
start_daemons
start_clients
settle
while [ "$cycle" -lt "$CYCLES" ]; do
	cycle=$((cycle + 1))
	run_cycle
done
echo
stop_clients
stop_daemons
list_stored
check 'what was acknowledged is in the logs' empty lost
check 'nothing is there twice' empty duplicated
check 'nothing is there that was refused or not sent' empty unasked
check 'each sender is in order' empty disordered
check 'the client is in order' spoken_is_logged
check 'logins are there once' events_are_single
check 'subscribers have seen the logs' seen_is_logged
check 'logck' logck -q data
totals
finish
