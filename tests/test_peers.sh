# shellcheck shell=sh disable=SC2154
# test_peers.sh: no peer can stop a daemon, or speak for another.

# Connections that say nothing, more of them than libzmq queues events for.
test_connections_that_come_and_go() {
	up -c geral
	for port in "$FRONT" "$BACK" "$XSUB" "$XPUB"; do
		rude knock "$port" 2500
	done
	exits 0 client -u ana pub geral oi
	# Each of these is noticed, too, and costs a turn of the broker.
	kill9 server
	server_up
	rude knock "$BACK" 2500
	exits 0 client -u ana pub geral oi
	stop broker
	stop proxy
}

# descriptors NAME: how many a daemon has. Linux only.
descriptors() {
	find "/proc/$(cat "$1.pid")/fd" -type l | wc -l
}

has_descriptors() {
	[ "$(descriptors "$1")" = "$2" ]
}

# Bytes that no ZeroMQ would send, in every order. A bot that talks all the
# while must see no error, and no daemon keep anything of it.
test_malformed_connections() {
	up -c geral
	start bot bot -S -u bot -i 20
	wait_for grep -q bot data/channels/geral.log
	front=$(descriptors broker) subs=$(descriptors proxy)
	n=0
	for port in "$FRONT" "$XSUB" "$BACK" "$XPUB"; do
		n=$((n + 1))
		start rude$n rude malformed "$port" $((20000 / ${STRIDE:-1}))
	done
	for n in 1 2 3 4; do
		ended rude$n
	done
	wait_for has_descriptors broker "$front"
	wait_for has_descriptors proxy "$subs"
	exits 0 client -u ana pub geral oi
	stop bot
	grep 'erro=0 seen=[0-9]* dup=0 gap=0' bot.out
	for name in server broker proxy; do
		stop $name
	done
}

# early_bird: a client that was there before is served.
early_bird() {
	: >early.out
	request ping '' >&4 && echo >&4
	wait_for grep -q OK early.out
}

# up_with N: a system whose broker has N descriptors.
up_with() {
	# shellcheck disable=SC2016 # the inner shell expands it
	start broker sh -c 'ulimit -n "$1"; shift; exec broker "$@"' sh \
		"$1" -f 'tcp://127.0.0.1:*' -k 'tcp://127.0.0.1:*'
	ready broker
	FRONT=$(endpoint broker 1) BACK=$(endpoint broker 2)
	proxy_up
	server_up server -c geral
}

# More peers than places: who is connected is served, and who comes from another
# address; those at the same address wait until some are gone, but for a server
# that comes back: it has the place of one that is none. A signal still ends it.
# With 64 descriptors there are 24 places for clients, 8 for servers.
test_more_peers_than_places() {
	up_with 64
	mkfifo requests hold
	exec 4<>requests 5<>hold
	start early zraw -l req "$FRONT" <requests
	early_bird
	start crowd rude crowd "$FRONT" DEALER 100 <hold
	wait_for grep -q 100 crowd.out
	wait_for grep -q 'client cut: too many from its address' broker.err
	early_bird
	exits 69 client -b "$FRONT" -t 1 ping
	[ "$(uname)" != Linux ] ||
		exits 0 client -b "$(elsewhere "$FRONT")" ping
	kill9 crowd
	exits 0 client -b "$FRONT" ping
	start crowd rude crowd "$BACK" DEALER 100 <hold
	wait_for grep -q 'server cut: too many from its address' broker.err
	exits 0 client -b "$FRONT" ping
	want 1 "$(hellos)"
	kill9 server
	start others rude crowd "$BACK" DEALER 100 <hold
	wait_for grep -q 100 others.out
	server_up
	exits 0 client -b "$FRONT" ping
	kill9 others
	stop broker
	kill9 crowd
	exec 4>&- 5>&-
}

# Whoever says hello, and however often: a server that comes back, to a broker
# that has just started, is served while they go on.
test_flood_of_hellos() {
	up -c geral
	start strangers rude strangers "$BACK" 60
	kill9 server
	kill9 broker
	broker_up
	server_up
	exits 0 client -u ana pub geral oi
	[ ! -e strangers.rc ] || fail 'they had left'
	kill9 strangers
}

# Connections that leave 2000 requests behind, as many as there can be. Who was
# there before, at another address, is served meanwhile. What is dropped cannot
# be counted from here, but what is not: without cuts it is nearly all.
test_visitors() {
	up_with 256
	there=$(elsewhere "$FRONT")
	mkfifo lines
	exec 4<>lines
	start talker client -b "$there" -u ana pub geral <lines
	echo 0 >&4
	wait_for more_than data/channels/geral.log 0
	before=$(descriptors broker)
	for n in 1 2 3; do
		start visitor$n rude visit "$FRONT" 4
	done
	n=0
	until [ -s visitor1.rc ]; do
		n=$((n + 1))
		echo $n >&4
		wait_for more_than data/channels/geral.log $n
	done
	for n in 1 2 3; do
		ended visitor$n
	done
	wait_for has_descriptors broker "$before"
	said=$(cat visitor?.out | awk '{ n += 2000 * $1 } END { print n }')
	taken=$(client -b "$there" stat |
		awk '$1 == "broker.requests" { print $2 }')
	[ "$taken" -lt $((said * 3 / 4)) ] ||
		fail "$taken of $said requests were taken"
	kill9 talker
	exec 4>&-
	below broker 256
	has broker.err 'client cut'
	stop broker
}

# le64 HEX: as 8 bytes, as the back port has its numbers. The shell's own end
# at 63 bits.
le64() {
	n=0000000000000000$1
	for _ in 1 2 3 4 5 6 7 8; do
		rest=${n%??}
		printf '%b' "\\0$(printf %o "0x${n#"$rest"}")"
		n=$rest
	done
}

# forge TEXT COUNT...: answers to requests of this broker, from a stranger.
forge() {
	text=$1
	shift
	{
		printf A
		for count in "$@"; do
			le64 "$boot"
			le64 "$(printf %x "$count")"
			le64 "$(printf %x ${#text})"
			printf %s "$text"
		done
	} | zraw dealer "$BACK" - >forged.out
}

# The broker asks a stranger who it is, and believes nothing before.
test_forged_answers() {
	up -c geral
	replies publish '"user":"ana","channel":"geral","message":"oi"' \
		'"status":"OK","seq":1'
	id=$(cut -f 6 data/channels/geral.log)
	boot=$(expr "$id" : '~\(.*\)\.')
	count=$(printf %d "0x$(expr "$id" : '.*\.\(.*\)')")
	# Of no request; a free row of the table has this number.
	forge nothing 0
	has forged.out W
	exits 0 client ping
	# Of the request that comes next: a row is used again at once.
	signal server STOP
	count=$((count + (2 << 14)))
	start victim zraw req "$FRONT" <<-'END'
	{"service":"publish","data":{"user":"ana","channel":"geral","message":"dois"}}
	END
	for _ in 1 2; do
		forge '{"service":"publish","data":{"seq":99}}' "$count" \
			$((count + (1 << 14))) $((count + (2 << 14)))
	done
	signal server CONT
	ended victim
	has victim.out '"status":"OK","seq":2'
}

# wide_channel: geral gets more than one reply has room for.
wide_channel() {
	line='"user":"ana","channel":"geral","message":'
	numbers 1 32 | requests publish "$line\"$(printf '%032768d' 0)\"" |
		zraw -l req "$FRONT" >stored
	request history '"channel":"geral","limit":1000' >long
}

# Short answers wait behind a long one of the same client.
test_answers_keep_their_order() {
	up -c geral -c outro
	wide_channel
	{
		cat long
		echo
		request publish '"user":"bob","channel":"outro","message":"x"'
		echo
		request ping ''
	} | zraw pipe "$FRONT" 30 >answers
	want 90 "$(grep -c '"status":"OK"' answers)"
	cut -d ' ' -f 1 answers >order
	numbers 1 90 >expected
	want_same expected order
	sed 's/.*"service":"\([^"]*\)".*/\1/' answers | uniq >services
	want 'history publish ping history' "$(head -n 4 services | xargs)"
}

# The answers of one client are no delay for another, even of more requests than
# a server takes in one batch.
test_flood_of_history() {
	up -c geral -c outro
	wide_channel
	start flood zraw -t 60000 pipe "$FRONT" 6000 <long
	wait_for more_than flood.out 0
	numbers 1 30 >n
	requests publish '"user":"bob","channel":"outro","message":"&"' <n >ask
	requests ping '' <n >>ask
	zraw -l req "$FRONT" <ask >answers 2>slowest
	want 60 "$(grep -c '"status":"OK"' answers)"
	slowest=$(sed 's/.*slowest: //;s/ ms//' slowest)
	echo "slowest: $slowest ms"
	[ "$slowest" -lt 1000 ]
	ended flood
	cut -d ' ' -f 1 flood.out >order
	numbers 1 6000 >expected
	want_same expected order
	grep -q '^1 1[0-9]* {"service":"history","data":{"status":"OK"' flood.out
	want 1 "$(hellos)"
}

# Answers that wait are given before a server leaves.
test_server_answers_before_it_stops() {
	up -c geral
	wide_channel
	signal server STOP
	start asked zraw pipe "$FRONT" 8 <long
	wait_for server_got 400
	signal server TERM
	signal server CONT
	ended server
	ended asked
	want 8 "$(grep -c '"status":"OK"' asked.out)"
}

# Answers that the broker will not take any more keep no server from stopping.
test_server_stops_without_its_broker() {
	up -c geral
	wide_channel
	start flood zraw -t 60000 pipe "$FRONT" 3000 <long
	wait_for more_than flood.out 0
	kill9 broker
	since=$(date +%s)
	stop server
	[ $(($(date +%s) - since)) -lt 10 ]
	signal flood KILL
	ended flood 137
	# Nor one that takes nothing.
	broker_up
	server_up
	start flood zraw -t 60000 pipe "$FRONT" 3000 <long
	wait_for more_than flood.out 0
	signal broker STOP
	since=$(date +%s)
	stop server
	[ $(($(date +%s) - since)) -lt 10 ]
	signal broker CONT
	signal flood KILL
	ended flood 137
}

# Two directories on one broker: the second server waits, and takes over when
# the first one has been gone for a while.
test_other_directory() {
	up -c geral
	start other server -d elsewhere -b "$BACK" -p "$XSUB" -c longe
	ready other
	wait_for grep -q 'servers of another directory are there' other.err
	has broker.err 'its directory is not that of the others'
	for _ in 1 2 3 4 5 6 7 8 9; do
		exits 0 client -u ana pub geral oi
	done
	[ "$(wc -l <data/channels/geral.log)" = 9 ]
	stop server
	wait_for client -u ana pub longe oi
	[ "$(wc -l <elsewhere/channels/longe.log)" = 1 ]
	stop other
}

# A client that is stopped reads nothing, and its system takes only so much.
test_deaf_client_is_cut() {
	up -c geral
	wide_channel
	before=$(descriptors broker)
	start deaf zraw pipe "$FRONT" 2000 <long
	wait_for more_than deaf.out 0
	signal deaf STOP
	wait_for has_descriptors broker "$before"
	signal deaf KILL
	exits 0 client ping
}
