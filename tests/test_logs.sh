# shellcheck shell=sh disable=SC2016,SC2059,SC2046,SC2094,SC2129,SC2317
# tests/test_logs.sh: what is in the files, and what becomes of them.

test_log_lines() {
	up -c geral
	client -u ana pub geral 'first line'
	ask publish '"user":"ana","channel":"geral","timestamp":1700000000.5,'\
'"id":"my id","message":"a\tb\nc\\d\u0000\u001b[2J\u0085\u202e"' >a
	has a '"seq":2'
	log=data/channels/geral.log
	want 2 "$(wc -l <$log | tr -d ' ')"
	want '6 6 ' "$(awk -F '\t' '{ printf "%d ", NF - 1 }' $log)"
	want '1 2 ' "$(cut -f 1 $log | tr '\n' ' ')"
	want 'first line' "$(cut -f 4 $log | head -n 1)"
	want 'a\tb\nc\\d\u0000\u001b[2J\u0085\u202e' \
		"$(sed -n 2p $log | cut -f 4)"
	want 'ana	1700000000.5	my id' \
		"$(sed -n 2p $log | cut -f 3,5,6)"
	date='20[0-9][0-9]-[01][0-9]-[0-3][0-9]'
	time='[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\.[0-9]\{3\}'
	want 2 "$(cut -f 2 $log | grep -c "^${date}T${time}Z\$")"
	# Decoding gives back every byte.
	ask history '"channel":"geral","after":1' >a
	has a '"message":"a\tb\nc\\d\u0000\u001b[2J'
	# Nothing but text, tabs and newlines: safe to cat.
	want 0 "$(tr -d '\n\t -~\200-\377' <$log | wc -c | tr -d ' ')"
	grep -q '	ana	' data/events.log
	grep -q geral data/events.log
}

# Names that would mean something else as a file's name. Each is one channel,
# and one file in its folder.
test_hostile_names() {
	up
	cat >names <<-'EOT'
	..
	../fora
	/etc/passwd
	a/b
	a%2Fb
	.oculto
	-rf
	CON
	*
	$(reboot)
	a b
	'"
	é
	ação 😀
	geral.log
	lock
	
	EOT
	sed '/^$/d' names >nonempty
	numbers 1 64 | sed 's/.*/x/' | tr -d '\n' >>nonempty
	echo >>nonempty
	numbers 1 16 | sed 's/.*/😀/' | tr -d '\n' >>nonempty
	echo >>nonempty
	while IFS= read -r name; do
		client create -- "$name"
		client -u ana pub -- "$name" "to $name"
		client hist -- "$name" >said
		has said "to $name"
	done <nonempty
	want "$(wc -l <nonempty)" "$(find data/channels -type f | wc -l)"
	want "$(wc -l <nonempty)" \
		"$(find data/channels -type f -name '*.log' | wc -l)"
	want '' "$(find . -path '*fora*' ! -path '*channels/*')"
	client channels | sort >got
	sort nonempty >expected
	want_same expected got
	[ -e 'data/channels/a%2Fb.log' ]
	[ -e 'data/channels/a%252Fb.log' ]
	stop server
	server_up
	client channels | sort >got
	want_same expected got
}

# A link in the place of a log is not followed.
test_no_link_is_followed() {
	up
	stop server
	echo mine >mine
	ln -s "$(pwd)/mine" data/channels/link.log
	: >damaged_on_purpose
	server_up
	ask publish '"user":"ana","channel":"link","message":"x"' >a
	has a '"status":"erro"'
	want mine "$(cat mine)"
}

test_recovers_everything() {
	up -c geral
	numbers 1 50 | client -u ana pub geral
	client -u bob login
	numbers 1 50 | client -u ana msg bob
	client users >users
	cp -r data before
	kill9 server
	server_up
	client users >users2
	want_same users users2
	want_same before/channels/geral.log data/channels/geral.log
	want_same before/users/bob.log data/users/bob.log
	want 50 "$(wc -l <data/channels/geral.log | tr -d ' ')"
	want 50 "$(wc -l <data/users/bob.log | tr -d ' ')"
	client -u ana pub geral 51
	want 51 "$(tail -n 1 data/channels/geral.log | cut -f 1)"
}

# What the crash of the machine may do to a log that was not synced yet: the
# journal has the lines.
test_torn_tail_is_completed() {
	up -c geral
	for tail in '' 'half a li' '30\ta whole line\n'; do
		numbers 1 10 | client -u ana pub geral
		kill9 server
		cp data/channels/geral.log whole
		bytes=$(wc -c <whole)
		{
			head -c $((bytes - 200)) whole
			printf "$tail"
		} >data/channels/geral.log
		server_up
		want 10 "$(client hist geral -n 1 | cut -f 5)"
		want_same whole data/channels/geral.log
	done
}

# The journal does not have a torn line that comes after an orderly stop: it is
# found and quarantined.
test_torn_tail_is_quarantined() {
	up -c geral
	client -u ana pub geral oi
	stop server
	printf '2\t2024-01-01T00:00' >>data/channels/geral.log
	exits 1 logck data
	server_up
	client -u ana pub geral again
	want oi "$(sed -n 1p data/channels/geral.log | cut -f 4)"
	want again "$(sed -n 2p data/channels/geral.log | cut -f 4)"
	grep -q 2024-01-01T00:00 data/channels/geral.log.damaged-*
}

# Damage in the middle is reported and never rewritten; other logs go on.
test_damage_is_reported() {
	up -c geral -c outro
	numbers 1 9 | client -u ana pub geral
	numbers 1 9 | client -u ana pub outro
	stop server
	logck data
	: >damaged_on_purpose
	sed '4s/ana/eva/' data/channels/geral.log >changed
	cat changed >data/channels/geral.log
	exits 1 logck data
	has said 'geral.log: line 4'
	exits 1 logck -q data
	has said 'geral.log: line 4'
	hasnt said outro
	exits 1 logck data/channels/geral.log
	exits 0 logck data/channels/outro.log
	server_up
	client -u ana pub outro more
	want_same changed data/channels/geral.log
	want more "$(client hist outro -n 1 | cut -f 5)"
	stop server
	# A line that is missing in the middle is damage, too.
	sed 5d data/channels/outro.log >changed
	cat changed >data/channels/outro.log
	exits 1 logck -q data/channels/outro.log
	has said 'outro.log: line 5'
}

# No room: whole lines or nothing, an error for the client, and it goes on when
# there is room again.
test_full_disk() {
	up -c geral
	numbers 1 20 | client -u ana pub geral
	stop server
	limited_server_up -f 600
	texto='"user":"ana","channel":"geral","message":"texto &"'
	numbers 1 100 | awk '{ printf "%030000d\n", $1 }' |
		requests publish "$texto" | zraw -l req "$FRONT" >answers
	want 100 "$(wc -l <answers | tr -d ' ')"
	has answers '"status":"erro"'
	# What the server says about it is on the same disk.
	has server.err 'commit: '
	[ "$(grep -c 'commit: ' server.err)" -lt 40 ]
	[ ! -s server.rc ]
	want '' "$(tail -c 1 data/channels/geral.log)"          # a newline
	stop server
	logck data
	server_up
	client -u ana pub geral 'room again'
	good=$(grep -c '"status":"OK"' answers)
	[ "$good" -gt 0 ]
	want $((21 + good)) "$(wc -l <data/channels/geral.log | tr -d ' ')"
	want $((21 + good)) "$(tail -n 1 data/channels/geral.log | cut -f 1)"
}

# More logs than file descriptors.
test_few_descriptors() {
	up
	stop server
	limited_server_up -n 64
	numbers 1 300 | requests channel '"channel":"c&"' |
		zraw -l req "$FRONT" >answers
	want 300 "$(grep -c sucesso answers)"
	{
		numbers 1 300
		numbers 1 300
	} | requests publish '"user":"ana","channel":"c&","message":"oi"' |
		zraw -l req "$FRONT" >answers
	want 600 "$(grep -c OK answers)"
	want 600 "$(cat data/channels/*.log | wc -l | tr -d ' ')"
}

test_copy_is_a_backup() {
	up -c geral
	numbers 1 40 | client -u ana pub geral
	cp -r data copy
	stop server
	rm -rf data
	mv copy data
	logck data
	server_up
	client -u ana pub geral 41
	want 41 "$(tail -n 1 data/channels/geral.log | cut -f 1)"
}

test_logck() {
	up -c geral
	client -u ana pub geral oi
	stop server
	logck data >said
	has said geral
	want '' "$(logck -q data)"
	logck >said
	has said geral
	exits 74 logck nowhere
	has said nowhere
}

# The directory is removed under a running server: what is sent then is not
# answered OK, and the server ends.
test_directory_removed() {
	up -c geral
	client -u ana pub geral before
	rm -rf data
	request publish '"user":"ana","channel":"geral","message":"after"' |
		zraw -t 8000 req "$FRONT" >answer
	ended server 74
	rm server.rc
	has server.err 'removed while in use'
	hasnt answer OK
}

# A log that is no regular file is not used, which is said once a second at the
# most; one that has a second name is, and that is said too.
test_logs_of_other_kinds() {
	up -c elo -c cano -c pasta -c gêmeo
	stop server
	for name in elo cano pasta gêmeo; do
		file=$(ls data/channels/"$(printf %s "$name" | cut -c 1)"*.log)
		case $name in
		elo) mv "$file" else && ln -s ../../else "$file" ;;
		cano) rm "$file" && mkfifo "$file" ;;
		pasta) rm "$file" && mkdir "$file" ;;
		*) ln "$file" twin ;;
		esac
	done
	: >damaged_on_purpose
	server_up
	replies publish '"user":"ana","channel":"elo","message":"oi"' \
'"status":"erro","message":"falha de disco","description":"falha de disco"'
	has server.err 'channels/elo.log: refused: a symbolic link'
	for name in cano pasta; do
		replies publish \
			"\"user\":\"ana\",\"channel\":\"$name\",\"message\":\"oi\"" \
'"status":"erro","message":"falha de disco","description":"falha de disco"'
	done
	client -u ana pub gêmeo oi
	has server.err 'has another name (a hard link)'
	want 0 "$(wc -c <else | tr -d ' ')"
	numbers 1 200 | requests publish \
		'"user":"ana","channel":"cano","message":"&"' >many
	zraw req "$FRONT" <many >/dev/null
	[ "$(grep -c refused: server.err)" -lt 100 ]
}

# Somebody has copied a line to where it does not belong.
test_line_out_of_order() {
	up -c geral
	numbers 1 6 | client -u ana pub geral
	stop server
	sed '2h;4G;5G' data/channels/geral.log >changed
	want 1,2,3,4,2,5,2,6 "$(cut -f 4 changed | paste -sd , -)"
	: >damaged_on_purpose
	cat changed >data/channels/geral.log
	exits 1 logck
	server_up
	for after in 0 1 2 3 4; do
		want "$(numbers $((after + 1)) 6)" \
			"$(client hist geral -s $after | cut -f 5)"
	done
	has server.err 'geral.log: line 5: its seq is not above'
	client -u ana pub geral 7
	want 7 "$(client hist geral -n 1 | cut -f 5)"
}

test_too_many_topics() {
	up -n 2 -c geral
	client -u ana pub geral oi
	many='usuários e canais demais'
	many="\"status\":\"erro\",\"message\":\"$many\",\"description\":\"$many\""
	replies channel '"channel":"outro"' "$many"
	replies login '"user":"bob"' "$many"
	client -u ana pub geral oi
	stop server
	for n in 0 1000001 x; do
		exits 64 server -n $n -d nowhere
	done
	server_up server -n 3
	client create outro
}
