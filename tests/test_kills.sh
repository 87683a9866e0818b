# shellcheck shell=sh disable=SC2016,SC2317
# tests/kills.sh: what happens to a request whose server dies or hangs with it, step by step. That all
# of it also holds in a crowd is what soak.sh is for.

# given REQUEST: a stopped server gets it and dies; the next one answers. Whether the request was at the
# server by then the broker has to say: this is tried until it was.
given() {
	printf '%s' "$1" >given.in
	signal server STOP
	start given zraw req "$FRONT" <given.in
	sleep 0.2
	kill9 server
	server_up
	ended given
	tail -n 2 broker.err | grep 'open requests: [1-9]'
}

# The first server may have died between the log and the publication: the second one cannot know.
test_given_again_is_published_again() {
	up -c geral
	hear sub geral 1000
	again='{"service":"publish","data":{"user":"ana","channel":"geral","message":"de novo","id":"a1"}}'
	first=$(ask "$again")
	published() {
		[ "$(grep -c 'de novo' sub.out)" -ge "$1" ]
	}
	wait_for published 1
	ask "$again" >second
	wait_for given "$again"
	wait_for published 2
	tail -n 1 given.out | undated >third
	want "$first" "$(cat second)"
	has third "$first"
	grep 'de novo' sub.out | sed 's/.*"seq"://' | sort -u >seqs
	want 1 "$(wc -l <seqs)"
	want 1 "$(grep -c 'de novo' data/channels/geral.log)"
}

# What a server finds in its socket when it wakes up has been given to others meanwhile.
test_woken_server_stores_nothing_again() {
	up -c geral
	signal server STOP
	load r1 geral 1
	start r1 zraw -l req "$FRONT" <r1.in
	printf '{"service":"login","data":{"user":"ana"}}' >ana.in
	start ana zraw req "$FRONT" <ana.in
	server_up server2
	ended r1
	ended ana
	signal server CONT
	stop server
	load_is_exact geral r1
	want 1 "$(cut -f 3,4 data/events.log | grep -c '^ana	login$')"
}

# Whoever was told that there is no server may have gone on: too late is never.
test_refused_is_not_stored_late() {
	up -c geral
	signal server STOP
	load r1 geral 1
	start r1 zraw -l req "$FRONT" <r1.in
	ended r1
	has r1.out 'servidor indisponível'
	sleep 1
	signal server CONT
	client -u ana pub geral depois
	want 'ana	depois' "$(cut -f 3,4 data/channels/geral.log)"
}

# Nothing is published that is not on the disk.
test_refused_is_not_published() {
	up -c geral
	stop server
	start server sh -c 'ulimit -f 600; exec server -d data -b "$0" -p "$1"' "$BACK" "$XSUB"
	hear sub geral 1000
	numbers 1 40 | awk '{ printf "{\"service\":\"publish\",\"data\":{\"user\":\"ana\",\"channel\":\"geral\"," \
		"\"message\":\"texto %030000d\"}}\n", $1 }' | zraw -l req "$FRONT" >answers
	has answers '"status":"erro"'
	stop server
	server_up
	client -u ana pub geral depois
	wait_for grep -q depois sub.out
	want "$(grep -c '"status":"OK"' answers)" "$(grep -c texto sub.out)"
}
