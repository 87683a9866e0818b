# shellcheck shell=sh disable=SC2154
# test_publications.sh: who does not read, subscribes without end or makes
# publications up harms nobody else, and costs a daemon no more than it may.

# below NAME MIB: it never had more memory. Only Linux tells.
below() {
	[ -e /proc/self/status ] || return 0
	got=$(awk '/VmHWM/ { print int($2 / 1024) }' \
		"/proc/$(cat "$1.pid")/status")
	# A sanitizer keeps what is freed.
	grep -q __asan_init "$(command -v "$1")" || [ "$got" -lt "$2" ] ||
		fail "$1 had $got MiB, not below $2"
}

# deaf CONNECTIONS N: see zraw.
deaf() {
	start deaf zraw deaf "$XPUB" "$1" "$2"
	wait_for grep -q ready deaf.out
}

# Publishes without a pause, for a minute at most, to a subscriber that asks no
# history: that one ends when it hears nothing for 4 s.
listen() {
	start ear zraw -t 4000 sub "$XPUB" ritmo 1000
	numbers 1 300 >ticks
	# shellcheck disable=SC2016 # the inner shell expands it
	start drum sh -c 'while [ ! -e hush ] && read -r tick; do
			echo "$tick"
			sleep 0.2
		done | zraw pub "$0" ritmo' "$XSUB" <ticks
	wait_for more_than ear.out 0
}

# It has heard everything in time.
heard_in_time() {
	[ ! -s ear.rc ] || fail "silence: $(cat ear.err)"
	: >hush
	ended drum
	kill9 ear
}

# say FROM TO: in geral, by ana.
say() {
	numbers "$1" "$2" | client -u ana pub geral
}

# heard_all N: the reader got each once, in order.
heard_all() {
	ended live
	want "$(numbers 1 "$1")" "$(cut -f 5 live.out)"
}

test_subscribers_that_do_not_read() {
	up -c geral
	deaf 50 0
	start live client -u bob sub -s 0 -c 100 geral
	say 1 50
	# As long as messages of control characters.
	zraw flood "$XSUB" outro 3000 190000
	zraw flood "$XSUB" outro 100000 250
	say 51 100
	heard_all 100
	below proxy 256
	has proxy.err 'subscriber cut: it does not read'
}

test_subscriptions_without_end() {
	up -c geral
	start live client -u bob sub -s 0 -c 60 geral
	listen
	deaf 1 1000000
	say 1 20
	kill9 deaf
	say 21 30
	deaf 10 20000
	say 31 50
	kill9 deaf
	say 51 60
	heard_all 60
	heard_in_time
	below proxy 64
	has proxy.err 'subscriber cut: more than'
}

# Connections that leave 2000 subscriptions behind, as many as there can be.
test_visiting_subscribers() {
	up -c geral
	start live client -u bob sub -s 0 -c 20 geral
	listen
	for n in 1 2 3; do
		start visitor$n rude visit-xpub "$XPUB" 4
	done
	say 1 10
	for n in 1 2 3; do
		ended visitor$n
	done
	say 11 20
	heard_all 20
	heard_in_time
	below proxy 256
}

# Whenever a connection ends libzmq looks through the subscriptions of all. With
# these it would take minutes: the proxy ends instead, and starts again.
test_proxy_that_has_too_much_to_do() {
	up -c geral
	start live client -u bob sub -s 0 -c 20 geral
	say 1 10
	mkfifo hold
	exec 5<>hold
	start crowd rude crowd "$XPUB" SUB 1000 <hold
	wait_for grep -q 1000 crowd.out
	sleep 1
	kill9 crowd
	exec 5>&-
	ended proxy 1
	has proxy.err 'libzmq does not return'
	proxy_up
	say 11 20
	heard_all 20
	below proxy 256
}

# A client may subscribe to much, and is served.
test_many_subscriptions() {
	up -c geral
	deaf 1 4000
	say 1 1
	hasnt proxy.err cut
}

test_proxy_that_takes_nothing() {
	up -c geral
	signal proxy STOP
	head -c 32768 /dev/zero | tr '\0' '\1' >long
	echo >>long
	for _ in 1 2 3 4 5 6 7 8; do
		cat long long long long long long long long
	done >some
	for _ in 1 2 3 4 5 6 7 8; do
		cat some some
	done | client -u ana pub geral
	below server 160
	signal proxy CONT
	start live client -u bob sub -s 1024 -c 1 geral
	say 1 1
	heard_all 1
}

# What is not two frames of a sane size stays in the proxy.
test_malformed_publications() {
	up -c geral
	hear ear geral 4
	echo geral | zraw pub "$XSUB"
	echo x | zraw pub "$XSUB" geral x
	echo x | zraw pub "$XSUB" "$(printf 'geral%064d' 0)"
	echo x | zraw pub "$XSUB" ''
	zraw -t 1000 flood "$XSUB" geral 1 1000000 || :
	client -u ana pub geral last
	wait_for grep -q last ear.out
	want '' "$(grep -v -e '^[0-9]* geral$' -e '^[0-9]* {' -e '^$' ear.out)"
}

# requests: how many the server took.
requests_taken() {
	client stat | awk '/^requests/ { print $2; exit }'
}

# Numbers that nobody stored change nothing, and cost few requests.
test_made_up_publications() {
	up -c geral
	start live client -u bob sub -s 0 -c 40 geral
	say 1 10
	wait_for more_than live.out 9
	before=$(requests_taken)
	for i in $(numbers 1 150); do
		for seq in 9223372036854775807 $((1000 + i)) 3 0; do
			echo "{\"message\":\"forged\",\"seq\":$seq}"
		done
		sleep 0.02
	done | zraw pub "$XSUB" geral
	after=$(requests_taken)
	[ $((after - before)) -lt 30 ] ||
		fail "$((after - before)) requests"
	say 11 20
	numbers 1 100000 | sed 's/.*/{"message":"forged","seq":9&}/' |
		zraw pub "$XSUB" geral
	say 21 40
	heard_all 40
}
