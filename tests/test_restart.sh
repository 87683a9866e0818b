# shellcheck shell=sh disable=SC2016,SC2046,SC2094,SC2129,SC2317
# tests/test_restart.sh: daemons that stop, die and hang while somebody talks.

# load NAME CHANNEL COUNT: that many publish requests, a line each, in NAME.in.
load() {
	data='"user":"%s","channel":"%s","message":"%s &"'
	# shellcheck disable=SC2059 # that is the format
	numbers 1 "$3" |
		requests publish "$(printf "$data" "$1" "$2" "$1")" >"$1.in"
}

# Plain REQ clients, each with its own requests to channel, that never retry.
start_load() {
	for who in $2; do
		load "$who" "$1" "$3"
		start "$who" zraw -l req "$FRONT" <"$who.in"
	done
}

# load_is_exact CHANNEL NAMES: every request was answered OK, and the log has
# each message once, at the seq of its reply, and nothing else.
load_is_exact() {
	rm -f answered
	for who in $2; do
		ended "$who"
		want "$(wc -l <"$who.in")" "$(wc -l <"$who.out")"
		refute grep -v '"status":"OK"' "$who.out"
		paste "$who.out" "$who.in" | sed >>answered \
			's/.*"seq":\([0-9]*\),.*"message":"\([^"]*\)".*/\1 \2/'
	done
	sort -n answered >expected
	awk -F '\t' '{ print $1, $4 }' "data/channels/$1.log" >logged
	want_same expected logged
}

# Two clients talk through pipes that the test holds open, so that it decides
# what is under way when. They send lines 1 to 300 before, 301 to 400 while and
# 401 to 500 after something is done to a daemon.
conversation() {
	up -c geral
	start bob client -u bob sub -s 0 -c 1000 -w 90 geral
	mkfifo ana.in bia.in
	exec 4<>ana.in 5<>bia.in
	start ana client -u ana pub geral <ana.in
	start bia client -u bia pub geral <bia.in
	numbers 1 300 | tee ana.in >bia.in
	wait_for more_than bob.out 100
	"$1"
	numbers 401 500 | tee ana.in >bia.in
	exec 4>&- 5>&-
	ended ana
	ended bia
	ended bob
	numbers 1 1000 >expected
	cut -f 1 bob.out >got
	want_same expected got
	numbers 1 500 >expected
	for who in ana bia; do
		awk -F '\t' -v who=$who '$4 == who { print $5 }' bob.out >got
		want_same expected got
	done
	cut -f 1,3,5 bob.out | sed 's/\tgeral\t/\t/' >got
	cut -f 1,4 data/channels/geral.log >expected
	want_same expected got
}

meanwhile() {
	numbers 301 400 | tee ana.in >bia.in
}

test_restart_server() {
	again() {
		stop server
		meanwhile
		server_up
	}
	conversation again
}

test_kill_server() {
	again() {
		kill9 server
		meanwhile
		server_up
		kill9 server
		server_up
	}
	conversation again
}

test_restart_broker() {
	again() {
		stop broker
		meanwhile
		broker_up
	}
	conversation again
}

test_kill_broker() {
	again() {
		kill9 broker
		meanwhile
		broker_up
		wait_for more_than bob.out 700
		kill9 broker
		broker_up
	}
	conversation again
}

test_restart_proxy() {
	again() {
		stop proxy
		meanwhile
		wait_for more_than data/channels/geral.log 700
		proxy_up
	}
	conversation again
}

test_kill_proxy() {
	again() {
		kill9 proxy
		meanwhile
		proxy_up
		wait_for more_than data/channels/geral.log 650
		kill9 proxy
		proxy_up
	}
	conversation again
}

test_restart_all() {
	again() {
		kill9 server
		kill9 broker
		kill9 proxy
		meanwhile
		broker_up
		proxy_up
		server_up
	}
	conversation again
}

# ends_under_load HOW: clients that never retry do not notice that the server
# ends, again and again.
ends_under_load() {
	up -c geral
	start_load geral 'r1 r2 r3 r4 r5 r6 r7 r8' 400
	for n in 200 900 1700; do
		wait_for more_than data/channels/geral.log $n
		"$1" server
		server_up
	done
	load_is_exact geral 'r1 r2 r3 r4 r5 r6 r7 r8'
}

# The promise of the broker.
test_kill9_is_invisible_to_plain_req() {
	ends_under_load kill9
}

test_sigterm_leaves_nothing_unanswered() {
	ends_under_load stop
}

test_two_servers_one_directory() {
	up -c geral -c outro
	server_up server2
	start_load geral 'g1 g2 g3 g4' 300
	start_load outro 'o1 o2 o3 o4' 300
	wait_for more_than data/channels/geral.log 200
	kill9 server2
	wait_for more_than data/channels/geral.log 400
	server_up server2
	wait_for more_than data/channels/outro.log 800
	stop server
	load_is_exact geral 'g1 g2 g3 g4'
	load_is_exact outro 'o1 o2 o3 o4'
	client -j stat >stat
	json_check <stat
	has stat '"name":"geral","seq":1200'
	server_up server
}

# A server that hangs is treated as a dead one.
test_hung_server() {
	up -c geral
	server_up server2
	signal server STOP
	load r1 geral 20
	start r1 zraw -l req "$FRONT" <r1.in
	load_is_exact geral r1
	grep 'open requests: [1-9]' broker.err
	signal server CONT
	client -u ana pub geral oi
}

# The broker told to stop answers what it has taken.
test_broker_stops_in_order() {
	up -c geral
	signal server STOP
	load r1 geral 1
	start r1 zraw -l req "$FRONT" <r1.in
	wait_for server_got "$(wc -c <r1.in)"
	signal broker TERM
	signal server CONT
	ended broker
	load_is_exact geral r1
}

# Every daemon ends with 0 on either signal, whether the others run or not.
test_signals() {
	for s in TERM INT; do
		up -c geral
		client -u ana pub geral oi
		signal broker $s
		ended broker
		signal server $s
		ended server
		signal proxy $s
		ended proxy
		unset FRONT BACK
		broker_up
		signal broker $s
		ended broker
		server_up
		signal server $s
		ended server
		unset FRONT BACK XSUB XPUB
		rm -f ./*.err
	done
}

# used NAME...: a line each: NAME, its CPU time so far in hundredths of a
# second, and how often its threads woke up.
used() {
	for name; do
		echo "$name"
		pid=$(cat "$name.pid")
		awk '{ print $14 + $15 }' "/proc/$pid/stat"
		cat "/proc/$pid/task/"*/status |
			awk '/^voluntary/ { n += $2 } END { print n }'
	done | paste - - -
}

# Waiting costs nothing: in five seconds no process uses a tenth of a second of
# CPU time or wakes up 30 times a second. Measured: a hundredth, and
# 10 times, which are heartbeats. A loop that polls every 10 ms wakes up 100
# times a second, and one that never waits uses all the CPU time there is.
test_idle_costs_nothing() {
	[ -r /proc/self/stat ] || exit 77
	up -c geral
	start sub client -u bob sub -s 0 geral
	start bot bot -u robo -n 1000 -i 100000
	wait_for grep -q robo sub.out
	wait_for client ping
	all_used() {
		used broker proxy server sub bot
	}
	all_used >before
	sleep 5
	all_used >after
	paste before after | awk '{ print $1, $5 - $2, $6 - $3 }' >spent
	want 5 "$(wc -l <spent)"
	want '' "$(awk '$2 > 10 || $3 > 150' spent)"
}
