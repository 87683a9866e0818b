# shellcheck shell=sh disable=SC2016,SC2086,SC2317
# tests/test_backup.sh: copies of a data directory that is in use, and channels
# that are dropped.

# Three clients; the second one's messages are so long that the journal begins
# new segments.
busy() {
	up -c geral
	numbers 1 40000 | requests publish \
		'"user":"r1","channel":"geral","message":"r1 &"' >r1.in
	pad=$(printf '%08000d' 0)
	numbers 1 8000 | sed "s/\$/ $pad/" | requests publish \
		'"user":"r2","channel":"geral","message":"r2 &"' >r2.in
	numbers 1 40000 | requests message \
		'"src":"r1","dst":"r3","message":"r1 &"' >r3.in
	client -u r3 login
	for who in r1 r2 r3; do
		start $who zraw -l req "$FRONT" <$who.in
	done
	wait_for more_than r2.out 20
}

# What is acknowledged now: how many messages of each, for the copy NAME.
acknowledged() {
	for who in r1 r2 r3; do
		wc -l <$who.out
	done >"$1.acked"
}

# has_all LOG USER COUNT: the numbers of the user's messages are 1, 2, 3... up
# to COUNT at least, and those of the lines, too.
has_all() {
	awk -F '\t' -v who="$2" -v count="$3" '
		$1 != NR { bad = 1 }
		$3 == who { split($4, word, " "); bad = bad || word[2] != ++n }
		END { exit bad || n < count }' "$1" ||
		fail "$1: not all $3 messages of $2, once and in order"
}

# restored NAME: a server started on this copy has everything.
restored() {
	start "server-$1" server -d "$1" -b tcp://127.0.0.1:9 \
		-p tcp://127.0.0.1:9
	ready "server-$1"
	stop "server-$1"
	logck -q "$1"
	{
		read -r n1
		read -r n2
		read -r n3
	} <"$1.acked"
	has_all "$1/channels/geral.log" r1 "$n1"
	has_all "$1/channels/geral.log" r2 "$n2"
	has_all "$1/users/r3.log" r1 "$n3"
}

# A copy by cp takes time. If a segment ends meanwhile, logck says what to do.
copied() {
	for try in 1 2 3 4 5 6 7 8 9 10; do
		rm -rf "$1"
		acknowledged "$1"
		cp -r data "$1"
		! logck -q "$1" >said || return 0
		has said 'copy again'
	done
	fail "$try copies, none is right: $(cat said)"
}

test_busy_copies() {
	busy
	for i in $(numbers 1 12); do
		copied "cp$i"
		acknowledged "b$i"
		logck -q -b "b$i"
		[ ! -e "b$i.partial" ]
	done
	for who in r1 r2 r3; do
		[ ! -e $who.rc ] || fail "$who has ended before the last copy"
		signal $who TERM
		ended $who 143
		refute grep -q erro $who.out
	done
	for i in $(numbers 1 12); do
		restored "cp$i"
		restored "b$i"
		rm -rf "cp$i" "b$i"
	done
}

# Lines that the logs lack are no error while the next start adds them.
test_logck_knows_the_next_start() {
	up -c geral
	numbers 1 10 | client -u ana pub geral
	stop server
	server_up
	numbers 11 20 | client -u ana pub geral
	kill9 server
	log=data/channels/geral.log
	cp $log whole
	head -c $(($(wc -c <whole) - 100)) whole >$log
	logck >said
	has said 'geral.log: ok, 18 lines, the next start adds 2'
	# The start of an entry, and more than what came since the checkpoint.
	head -n 15 whole >$log
	logck >said
	has said 'geral.log: ok, 15 lines, the next start adds 5'
	head -n 5 whole >$log
	logck >said
	has said 'geral.log: ok, 5 lines, the next start adds 15'
	rm $log
	logck >said
	has said 'geral.log: ok, 0 lines, the next start adds 20'
	# A hole, and something else, are errors.
	sed 15d whole >$log
	exits 1 logck
	sed '$s/ana/eva/' whole >$log
	exits 1 logck
	has said 'line 20: differs from the journal'
	head -n 5 whole >$log
	server_up
	want 20 "$(client hist geral -n 1 | cut -f 5)"
	want_same whole $log
	# After a checkpoint nobody looks.
	stop server
	head -n 15 whole >$log
	exits 1 logck
	has said 'line 16: missing'
	has said 'copy again'
	rm $log
	exits 1 logck
	has said 'the file is missing, the journal has it; if this is a copy'
	# Nor does the journal have what comes after it.
	{
		cat whole
		printf '21\t2030-01-'
	} >$log
	exits 1 logck
	has said 'line 21: no newline at its end; if this is a copy: copy again'
	cat whole >$log
}

test_backup_is_whole() {
	up -c geral
	numbers 1 40 | client -u ana pub geral
	logck -b copy >said 2>err
	has said 'copy: ok, 3 logs, 42 lines'
	want '' "$(cat err)"
	want '' "$(logck -q 2>&1)"
	logck -b copy/ said 2>&1 && fail 'over another one'
	exits 74 logck -b copy
	has said 'copy: exists'
	exits 74 logck -b nowhere/copy
	exits 74 logck -b other nowhere
	exits 64 logck -b other data data
	exits 64 logck -b other -d geral
	exits 64 logck -b ''
	mkdir empty
	exits 74 logck -b other empty
	has said 'empty/lock: No such'
	want '' "$(find . -name 'other*')"
	# What was left by one that was killed is removed, and nothing else.
	mkdir -p new.partial/channels
	: >new.partial/channels/old.log
	exits 74 logck -b new
	has said 'new.partial: not left by a backup: rename'
	: >new.partial/lock
	logck -q -b new
	want '' "$(find . -name '*.partial' -o -name old.log)"
	# Nor what is to be copied.
	cp -r new rescued.partial
	exits 74 logck -b rescued rescued.partial
	logck -q rescued.partial
	want_same new/channels/geral.log rescued.partial/channels/geral.log
	rm -r rescued.partial
	# It remembers ids, as the directory does.
	data='"user":"ana","channel":"geral","message":"x","id":"a1"'
	first=$(ask publish "$data")
	logck -q -b later
	stop server
	mv data gone
	mv later data
	server_up
	want "$first" "$(ask publish "$data")"
	want 41 "$(wc -l <data/channels/geral.log | tr -d ' ')"
	# Damage is copied, and told.
	stop server
	: >damaged_on_purpose
	sed 4s/ana/eva/ gone/channels/geral.log >changed
	cat changed >gone/channels/geral.log
	exits 1 logck -b damaged gone
	has said 'geral.log: line 4'
	want_same changed damaged/channels/geral.log
}

# No room, and nothing that looks like a backup.
test_backup_full_disk() {
	up -c geral
	numbers 1 40 | awk '{ printf "%030000d\n", $1 }' |
		client -u ana pub geral
	(
		ulimit -f 600
		trap '' XFSZ
		exits 74 logck -b copy
	)
	want '' "$(find . -name 'copy*')"
	logck -q -b copy
}

test_drop_channel() {
	up -c geral -c outro
	numbers 1 20 | client -u ana pub geral
	client -u ana pub outro oi
	exits 1 logck -d geral
	has said 'data: in use'
	kill9 server
	exits 1 logck -d nada
	exits 64 logck -d ''
	exits 74 logck -d geral nowhere
	logck -d geral
	exits 1 logck -d geral
	has said 'was dropped before'
	logck >said
	has said '1 channels were dropped'
	hasnt said geral.log
	want 'geral	dropped' "$(tail -n 1 data/events.log | cut -f 3,4)"
	want 20 "$(cat data/channels/geral.log.dropped-* | wc -l | tr -d ' ')"
	cp -r data copy
	logck -q copy
	logck -q -b copy2
	for from in data copy copy2; do
		[ $from = data ] || {
			rm -rf data
			mv $from data
		}
		server_up server -c geral
		has server.err 'channel geral: was dropped: not created'
		why='esse nome foi usado por um canal removido'
		usado="\"status\":\"erro\",\"message\":\"$why\""
		usado="$usado,\"description\":\"$why\""
		replies channel '"channel":"geral"' "$usado"
		replies login '"user":"geral"' "$usado"
		ask publish '"user":"geral","channel":"outro","message":"x"' >a
		has a 'esse nome foi usado'
		ask publish '"user":"ana","channel":"geral","message":"x"' >a
		has a 'canal não existe'
		want outro "$(client channels)"
		kill9 server
	done
	# The file says it: renamed back, it is a channel again.
	mv data/channels/geral.log.dropped-* data/channels/geral.log
	server_up
	client -u ana pub geral 21
	want 21 "$(tail -n 1 data/channels/geral.log | cut -f 1)"
	# Without the file the name is free, and that is no damage.
	stop server
	logck -q -d geral
	rm data/channels/geral.log.dropped-*
	logck -q
	server_up server -c geral
	client -u ana pub geral oi
	kill9 server
	logck -q
	rm data/channels/geral.log
	: >damaged_on_purpose
	logck >said
	has said 'geral.log: ok, 0 lines, the next start adds 1'
}
