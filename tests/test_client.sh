# shellcheck shell=sh disable=SC2016,SC2046,SC2094,SC2129,SC2317
# tests/test_client.sh: the command lines, as people and scripts use them.

test_help_version_and_usage() {
	for p in broker proxy server client bot logck; do
		$p -h >said
		has said "usage: $p"
		$p -V >said
		grep -q '[0-9]\.[0-9]' said
		exits 64 $p --nonsense
		exits 64 $p -Z
	done
	exits 64 client
	exits 64 client dance
	exits 64 client -u ana pub
	exits 64 client -u ana sub -c none
	exits 64 client -t 0 ping
	exits 64 env -u LOGNAME client pub geral oi
	exits 64 client -u '' pub geral oi
	exits 64 broker extra
	exits 64 proxy extra
	exits 1 broker -f nonsense://
	exits 1 proxy -s nonsense://
}

test_client_commands() {
	up
	exits 0 client -u ana login
	exits 0 client create geral 'outra sala'
	exits 1 client create geral
	has said geral
	exits 1 client create ana
	want 'geral
outra sala' "$(client channels | sort)"
	want ana "$(client users)"
	exits 0 client -u ana pub geral 'um dois' três
	exits 0 client -u bob pub geral quatro
	undated_hist() {
		client hist "$@" | cut -f 1,3- | tr '\t' ' '
	}
	want '1 geral ana um dois três
2 geral bob quatro' "$(undated_hist geral)"
	want '2 geral bob quatro' "$(undated_hist geral -n 1)"
	want '2 geral bob quatro' "$(undated_hist geral -s 1)"
	exits 0 client -u ana msg bob 'um segredo'
	want '1 bob ana um segredo' \
		"$(client -u bob hist bob -i | cut -f 1,3- | tr '\t' ' ')"
	exits 1 client hist nowhere
	exits 1 client -u ana pub nowhere oi
	exits 1 client -u ana msg nobody oi
	exits 0 client ping
	exits 0 client stat
	has said "version	$(server -V | sed 's/^recado //')"
	has said geral
	client -j hist geral -n 1 >said
	json_check <said
	has said '"message":"quatro"'
	client -j channels >said
	want '{"channel":"geral"}
{"channel":"outra sala"}' "$(sort said)"
	RECADO_USER=eva client pub geral oi
	want eva "$(client hist geral -n 1 | cut -f 4)"
}

test_client_stdin() {
	up -c geral
	printf 'one\ntwo\n\tthree \\ four\nlast without newline' >in
	exits 0 client -u ana pub geral <in
	client -u ana pub geral - <in
	want 8 "$(wc -l <data/channels/geral.log | tr -d ' ')"
	client hist geral -n 4 | cut -f 5 >got
	printf 'one\ntwo\n\\tthree \\\\ four\nlast without newline\n' >expected
	want_same expected got
	# The first one that is refused ends it, and is named.
	printf 'good\n%040000d\nnever\n' 0 >in
	exits 1 client -u ana pub geral <in
	has said 'line 2'
	want good "$(client hist geral -n 1 | cut -f 5)"
	numbers 1 5000 >in
	client -u ana pub geral <in
	client hist geral -s 9 | cut -f 5 >got
	want_same in got
}

test_sub_counts_and_waits() {
	up -c geral
	numbers 1 10 | client -u ana pub geral
	exits 75 client -u bob sub -w 1 geral
	want '' "$(cat said)"
	exits 0 client -u bob sub -s 7 -c 3 geral
	want '8 9 10 ' "$(cut -f 5 said | tr '\n' ' ')"
	exits 75 client -u bob sub -s 8 -c 3 -w 1 geral
	want '9 10 ' "$(cut -f 5 said | tr '\n' ' ')"
	start sub client -u bob sub -s 9 -c 4 geral
	wait_for more_than sub.out 0
	client -u ana pub geral 11
	client -u ana msg bob mine
	client -u ana pub geral 12
	ended sub
	want '10 11 12 mine ' "$(cut -f 5 sub.out | sort | tr '\n' ' ')"
	# The client ends when the reader of its pipe has seen enough.
	start piped sh -c 'client -u bob sub -s 0 geral | head -n 1'
	wait_for [ -s piped.out ]
	client -u ana pub geral 13
	ended piped
	want 1 "$(wc -l <piped.out)"
}

test_ana_never_sees_anabelas() {
	up -c geral -c geral2
	client -u ana login
	client -u anabela login
	start ana client -u ana sub -s 0 -c 3 geral
	client -u bob msg anabela 'to anabela 1'
	client -u bob pub geral2 'to geral2 1'
	client -u bob msg ana 'to ana 1'
	wait_for more_than ana.out 0
	client -u bob msg anabela 'to anabela 2'
	client -u bob pub geral2 'to geral2 2'
	client -u bob pub geral 'to geral'
	client -u bob msg ana 'to ana 2'
	ended ana
	want 'to ana 1
to ana 2
to geral' "$(cut -f 5 ana.out | sort)"
	client hist -i ana >said
	hasnt said anabela
}

# Text from others never affects our terminal, our lines or our columns.
test_client_output_is_safe() {
	up -c geral
	evil='\u001b[2J\u0007\u0000\r\n9\tx\u009b1m\u202e\u007f'
	ask publish '"user":"ana","channel":"geral","message":"'"$evil"'"' >a
	has a '"status":"OK"'
	for form in '' -j; do
		client $form hist geral >said
		want 1 "$(wc -l <said | tr -d ' ')"
		want '' "$(tr -d '\n\t -~\200-\377' <said)"
		refute grep -q "$(printf '\302\233')" said
		refute grep -q "$(printf '\342\200\256')" said
	done
	[ "$(client hist geral | tr -cd '\t' | wc -c)" = 4 ]
}

test_nobody_answers() {
	export RECADO_BROKER=ipc://nobody RECADO_PROXY=ipc://nobody
	exits 69 client -t 1 ping
	exits 69 client -t 1 -u ana pub geral oi
	echo oi >in
	exits 69 client -t 1 -u ana pub geral <in
	broker_up
	exits 69 client -t 1 ping
}

test_chat() {
	up -c geral
	mkfifo keys
	exec 4<>keys
	start ana client -u ana chat geral <keys
	client -u bob pub geral before
	echo 'oi gente' >keys
	wait_for grep -q 'oi gente' data/channels/geral.log
	start bob client -u bob sub -s 0 -c 4 geral
	client -u bob pub geral 'oi ana'
	wait_for grep -q 'oi ana' ana.out
	printf '%s\n' '/users' '/channels' '/msg bob um segredo' \
		'/create nova' '/join nova' >keys
	wait_for grep -q segredo data/users/bob.log
	printf '%s\n' '/part nova' '/hist' 'tchau' '/quit' >keys
	wait_for grep -q tchau data/channels/geral.log
	ended ana
	ended bob
	exec 4>&-
	has bob.out 'um segredo'
	has ana.out 'oi ana'
	grep -q 'ana.*bob' ana.err              # /users
	[ -e data/channels/nova.log ]           # /create
	want 2 "$(grep -c 'oi gente' ana.out)"  # and once more by /hist
	# The end of its input ends it too, with everything sent.
	numbers 1 20 | client -u eva chat geral
	want 20 "$(grep -c '	eva	' data/channels/geral.log)"
}

test_bot() {
	up
	# There is no channel yet: it makes one, and hears itself.
	want '' "$(client channels)"
	bot -u robo -n 5 -i 1 -r 3 >bot.sum
	grep '^sent=15 ok=15 erro=0 seen=15 dup=0 gap=0$' bot.sum
	want 1 "$(client channels | wc -l | tr -d ' ')"
	want 15 "$(cat data/channels/*.log | wc -l | tr -d ' ')"
	start bot1 bot -u robo1 -n 5 -i 1
	start bot2 bot -u robo2 -n 5 -i 1
	enough() {
		[ "$(cat data/channels/*.log | wc -l)" -gt 200 ]
	}
	wait_for enough
	stop bot1
	stop bot2
	grep ' erro=0 seen=[0-9]* dup=0 gap=0$' bot1.out
	grep ' erro=0 seen=[0-9]* dup=0 gap=0$' bot2.out
}

# A bot sees restarts of everything as delays.
test_bot_survives_restarts() {
	up -c geral
	start bot bot -u robo -n 10 -i 1
	lines() {
		[ "$(cat data/channels/*.log | wc -l)" -gt "$1" ]
	}
	wait_for lines 20
	kill9 server
	server_up
	wait_for lines 60
	kill9 proxy
	proxy_up
	wait_for lines 100
	kill9 broker
	broker_up
	wait_for lines 140
	stop bot
	grep ' erro=0 seen=[0-9]* dup=0 gap=0$' bot.out
}

# prepare_up OFFSET: a folder as "make up" finds it, and PORT, the first of four
# free ones. With one offset two tests at a time could find the same ones.
prepare_up() {
	cp "$SOURCES/up.sh" .
	for p in broker proxy server client bot; do
		ln -s "$OUT/$p" .
	done
	PORT=$((10000 + $$ % 1000 * 20 + $1))
	until free; do
		PORT=$((PORT + 4))
	done
	export PORT
}

free() {
	rm -f free*.rc
	start free1 broker -f "tcp://*:$PORT" -k "tcp://*:$((PORT + 1))"
	start free2 proxy -s "tcp://*:$((PORT + 2))" -x "tcp://*:$((PORT + 3))"
	wait_for ready_or_ended free1
	wait_for ready_or_ended free2
	for name in free1 free2; do
		[ -s $name.rc ] || signal $name TERM
		wait_for [ -s $name.rc ]
	done
	[ "$(cat free1.rc free2.rc)" = '0
0' ]
}

# What a newcomer starts: everything with a prefix, restarted when it dies, gone
# with one signal.
test_up() {
	prepare_up 0
	export TMPDIR=. RECADO_BROKER="tcp://localhost:$PORT"
	start up ./up.sh
	wait_for grep -q '^chat *| .*#' up.out
	wait_for grep -q '^server *| .*ready' up.out
	has up.out 'only this machine can connect'
	refute grep -F 'tcp://0.0.0.0' up.out
	kill -s KILL "$(cat tmp.*/server.pid)"
	wait_for grep -q '^server *| .*started again' up.out
	client -u ana pub geral 'still here'
	wait_for grep -q 'still here' up.out
	stop up
	grep '^bot1 *| .*sent=[0-9]* ok=[0-9]* erro=0' up.out
	grep '^bot2 *| .*sent=[0-9]* ok=[0-9]* erro=0' up.out
	hasnt up.out Terminated
	refute grep '^\([a-z]*\)[12]* *| \1: ' up.out
	exits 69 client -t 1 ping
	want '' "$(find . -name 'tmp.*')"
}

# LISTEN opens the ports for clients and subscribers, and no others.
test_up_listens() {
	prepare_up 6
	export TMPDIR=.
	LISTEN='*' start up ./up.sh
	wait_for grep -q '^chat *| .*#' up.out
	has up.out 'can read all and speak as anybody'
	for n in 0 3; do
		has up.out "tcp://0.0.0.0:$((PORT + n))"
	done
	for n in 1 2; do
		has up.out "tcp://127.0.0.1:$((PORT + n))"
	done
	stop up
}

# up.sh does not restart for ever what cannot work.
test_up_gives_up() {
	prepare_up 12
	start taken broker -f "tcp://*:$PORT" -k 'tcp://127.0.0.1:*'
	ready taken
	start up ./up.sh
	ended up 1
	has up.out 'giving up'
}

# Wrong usage, not a failure: the unit does not start such a server again.
test_server_refuses_a_bad_channel() {
	exits 64 server -d data -c ' geral'
	has said 'server: invalid name:  geral: 1 to 64 bytes'
}

# Descriptors 0 to 2 may be closed: libzmq's own must not end up there.
test_closed_descriptors() {
	up -c geral
	start closed sh -c 'exec client -u ana pub geral oi <&- >&- 2>&-'
	ended closed
	start silent sh -c 'exec client -u ana pub geral <&-'
	ended silent
	stop server
	stop proxy
	stop broker
	start broker sh -c 'exec broker -f "$0" -k "$1" <&- >&-' "$FRONT" \
		"$BACK"
	start proxy sh -c 'exec proxy -s "$0" -x "$1" <&- >&-' "$XSUB" "$XPUB"
	ready broker
	ready proxy
	start server sh -c 'exec server -d data -b "$0" -p "$1" <&- >&-' \
		"$BACK" "$XSUB"
	ready server
	client -u ana pub geral oi
	want 2 "$(client hist geral | wc -l | tr -d ' ')"
}
