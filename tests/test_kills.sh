# shellcheck shell=sh disable=SC2016,SC2317
# tests/test_kills.sh: what happens to a request whose server dies or hangs with
# it, step by step. That this also holds under load is shown by soak.sh.

# given REQUEST: a stopped server gets it and dies; the next one answers.
given() {
	printf '%s' "$1" >given.in
	signal server STOP
	start given zraw req "$FRONT" <given.in
	wait_for server_got "$(wc -c <given.in)"
	kill9 server
	server_up
	ended given
	grep 'open requests: [1-9]' broker.err
}

# The first server may have died between the log and the publication: the second
# one cannot know.
test_given_again_is_published_again() {
	up -c geral
	hear sub geral 1000
	data='"user":"ana","channel":"geral","message":"de novo","id":"a1"'
	first=$(ask publish "$data")
	published() {
		[ "$(grep -c 'de novo' sub.out)" -ge "$1" ]
	}
	wait_for published 1
	want "$first" "$(ask publish "$data")"
	given "$(request publish "$data")"
	wait_for published 2
	want "$first" "$(undated <given.out)"
	grep 'de novo' sub.out | sed 's/.*"seq"://' | sort -u >seqs
	want 1 "$(wc -l <seqs)"
	want 1 "$(grep -c 'de novo' data/channels/geral.log)"
}

# What a server finds in its socket when it wakes up has been given to others
# meanwhile.
test_woken_server_stores_nothing_again() {
	up -c geral
	signal server STOP
	load r1 geral 1
	start r1 zraw -l req "$FRONT" <r1.in
	request login '"user":"ana"' >ana.in
	start ana zraw req "$FRONT" <ana.in
	wait_for server_got "$(cat r1.in ana.in | wc -c)"
	server_up server2
	ended r1
	ended ana
	signal server CONT
	stop server
	load_is_exact geral r1
	want 1 "$(cut -f 3,4 data/events.log | grep -c '^ana	login$')"
}

# A client that was told that there is no server may have moved on: its request
# is not stored later. A server knows that when it was away for AWAY_MS, 5 s.
test_refused_is_not_stored_late() {
	up -c geral
	stopped=$(date +%s)
	signal server STOP
	load r1 geral 1
	start r1 zraw -l req "$FRONT" <r1.in
	wait_for server_got "$(wc -c <r1.in)"
	ended r1
	has r1.out 'servidor indisponível'
	was_away() {
		[ $(($(date +%s) - stopped)) -gt 6 ]
	}
	wait_for was_away
	signal server CONT
	client -u ana pub geral depois
	want 'ana	depois' "$(cut -f 3,4 data/channels/geral.log)"
}

# Nothing is published that is not on the disk.
test_refused_is_not_published() {
	up -c geral
	stop server
	limited_server_up -f 600
	hear sub geral 1000
	texto='"user":"ana","channel":"geral","message":"texto &"'
	numbers 1 40 | awk '{ printf "%030000d\n", $1 }' |
		requests publish "$texto" | zraw -l req "$FRONT" >answers
	has answers '"status":"erro"'
	has answers '"status":"OK"'
	stop server
	server_up
	client -u ana pub geral depois
	wait_for grep -q depois sub.out
	want "$(grep -c '"status":"OK"' answers)" "$(grep -c texto sub.out)"
}
