# shellcheck shell=sh disable=SC2016,SC2046,SC2094,SC2129,SC2317
# tests/test_protocol.sh: the services, byte for byte, as a client in another
# language sees them.

test_services() {
	up
	replies login '"user":"ana","timestamp":1700000000' '"status":"sucesso"'
	replies login '"user":"ana","timestamp":1700000001' '"status":"sucesso"'
	replies users '"timestamp":1' '"status":"OK","users":["ana"]'
	replies channel '"channel":"geral","timestamp":1' '"status":"sucesso"'
	replies channels '"timestamp":1' \
		'"status":"OK","channels":["geral"],"users":["geral"]'
	oi='"user":"ana","channel":"geral","message":"oi"'
	replies publish "$oi,\"timestamp\":1" '"status":"OK","seq":1'
	tchau='"user":"bob","message":"tchau"'
	replies publish "$tchau,\"channel\":\"geral\",\"timestamp\":1" \
		'"status":"OK","seq":2'
	psst='"src":"ana","dst":"bob","message":"psst","timestamp":1'
	replies message "$psst" '"status":"OK","seq":1'
	public="\"type\":\"channel\",\"channel\":\"geral\",$tchau"
	public="{$public,\"timestamp\":T,\"seq\":2}"
	replies history '"channel":"geral","after":1,"timestamp":1' \
		"\"status\":\"OK\",\"messages\":[$public],\"last\":2"
	private='"type":"private","user":"ana","src":"ana","from":"ana",'\
'"dst":"bob","to":"bob","message":"psst"'
	private="{$private,\"timestamp\":T,\"seq\":1}"
	replies history '"user":"bob","timestamp":1' \
		"\"status\":\"OK\",\"messages\":[$private],\"last\":1"
	ok="\"status\":\"OK\",\"version\":\"$(server -V | sed 's/^recado //')\""
	replies ping '' "$ok"
	ask stats '' >stats
	has stats "{\"service\":\"stats\",\"data\":{$ok,\"server\":{\"uptime\":"
	has stats '"name":"geral","seq":2'
	has stats '"broker":{"waiting":'
	sed 's/:T/:0/' stats | json_check
}

# Each line: the service that the reply names, a tab, the request.
bad_requests() {
	cat <<-'EOT'
	erro	{"service":"dance","data":{}}
	erro	{"service":7,"data":{}}
	erro	{"data":{}}
	erro	{}
	erro	[]
	erro	"ping"
	erro	nonsense
	erro	{"service":"ping","data":{}}x
	erro	{"service":"ping","service":"ping","data":{}}
	erro	{"service":"ping","data":{},}
	erro	{"service":"ping","data":{"a":[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]}}
	ping	{"service":"ping","data":[]}
	ping	{"service":"ping"}
	EOT
	printf 'erro\t{"service":"ping","data":{"a":"\377"}}\n'
	printf 'erro\t{"service":"ping","data":{"a":"\\ud800"}}\n'
	printf 'erro\t{"service":"ping","data":{"a":"b\001"}}\n'
	printf 'erro\t\357\273\277{"service":"ping","data":{}}\n'
	printf 'erro\t{"service":"ping","data":{}}\000\n'
}

# Each line: the service, a tab, the members of the request's "data". LONG is a
# name that is too long, LONGER a message.
bad_data() {
	long=$(printf '%065d' 0)
	longer=$(printf '%032769d' 0)
	cat <<-'EOT' | sed "s/LONGER/$longer/;s/LONG/$long/"
	login	
	login	"user":7
	login	"user":null
	login	"user":""
	login	"user":" ana"
	login	"user":"ana "
	login	"user":"a\nb"
	login	"user":"a\u0000b"
	login	"user":"a\u202eb"
	login	"user":"LONG"
	login	"user":"geral"
	login	"user":"dia","id":""
	login	"user":"dia","id":7
	login	"user":"dia","id":"é"
	login	"user":"dia","id":"LONG"
	channel	
	channel	"channel":"geral"
	channel	"channel":"ana"
	channel	"channel":""
	channel	"channel":["a"]
	channel	"channel":"LONG"
	channel	"channel":"a\tb"
	publish	"user":"ana","channel":"nowhere","message":"x"
	publish	"user":"ana","channel":"ana","message":"x"
	publish	"user":"ana","channel":"geral","message":""
	publish	"user":"ana","channel":"geral","message":"LONGER"
	publish	"user":"ana","channel":"geral","message":7
	publish	"user":"ana","channel":"geral"
	publish	"user":"ana","message":"x"
	publish	"channel":"geral","message":"x"
	publish	"user":"geral","channel":"geral","message":"x"
	publish	"user":"a\u0007","channel":"geral","message":"x"
	publish	"user":"ana","channel":"geral","message":"x","id":"a\nb"
	message	"src":"ana","dst":"nobody","message":"x"
	message	"src":"ana","dst":"geral","message":"x"
	message	"src":"ana","dst":"ana","message":""
	message	"src":"ana","message":"x"
	message	"dst":"ana","message":"x"
	message	"src":"","dst":"ana","message":"x"
	history	
	history	"channel":"nowhere"
	history	"user":"nobody"
	history	"channel":"geral","limit":-1
	history	"channel":"geral","limit":1001
	history	"channel":"geral","limit":"5"
	history	"channel":"geral","after":-1
	history	"channel":"geral","after":1.5
	users	"after":7
	users	"after":"ana "
	users	"after":"LONG"
	users	"limit":100001
	channels	"after":["a"]
	channels	"limit":-1
	channels	"limit":"5"
	EOT
}

# None may leave a trace.
test_errors() {
	up
	ask channel '"channel":"geral"' >/dev/null
	ask login '"user":"ana"' >/dev/null
	bad_requests >bad
	bad_data | awk -F '\t' '{
		printf "%s\t{\"service\":\"%s\",\"data\":{%s}}\n", $1, $1, $2
	}' >>bad
	logs() {
		find data/channels data/users -type f -exec cksum {} +
	}
	logs >before
	cut -f 2- <bad | zraw -l req "$FRONT" >answers
	cut -f 1 <bad >expected
	sed 's/^{"service":"\([^"]*\)".*/\1/' <answers >named
	paste bad answers | cut -c 1-300
	want_same expected named
	refute grep -v '"status":"erro"' answers
	texts='"message":"\([^"][^"]*\)","description":"\1"'
	refute grep -v "$texts,\"timestamp\":[0-9.]*}}\$" answers
	logs >after
	want_same before after
	replies users '' '"status":"OK","users":["ana"]'
}

test_no_word_erro_in_success() {
	up
	client -u ana create geral
	client -u ana pub geral oi
	ask login '"user":"bob"' >answers
	ask history '"channel":"geral"' >>answers
	for s in users channels ping stats; do
		ask $s '' >>answers
	done
	want 6 "$(grep -o '"service"' answers | wc -l | tr -d ' ')"
	hasnt answers erro
}

test_liberal_inputs() {
	up
	cat >requests <<-'EOT'
	{"service":"channel","data":{"channel":"geral"}}
	{"data":{"timestamp":"2024-03-01","user":"ana","extra":[1,{"a":null}]},"more":true,"service":"login"}
	 { "service" :	"login" , "data" : { "user" : "jo\u00e3o" , "timestamp" : 1700000000000 } } 
	{"service":"login","data":{"user":"zé","timestamp":1.7e9}}
	{"service":"publish","data":{"message":"ol\u00e1 \ud83d\ude00 \/ \u0022","channel":"geral","user":"ana","timestamp":null}}
	{"service":"publish","data":{"message":"olá 😀","channel":"geral","user":"zé","timestamp":{"a":[1]}}}
	{"service":"\u0070ublish","data":{"user":"zé","channel":"ger\u0061l","message":"x","timestamp":-1.5}}
	{"service":"message","data":{"src":"zé","dst":"joão","message":"oi"}}
	{"service":"ping","data":{"timestamp":"ontem"}}
	EOT
	printf '\r\n\t{"service":\r\n"ping",\t"data":\n{}}\r\n' |
		zraw req "$FRONT" >answer
	has answer '"status":"OK"'
	zraw -l req "$FRONT" <requests >answers
	want 9 "$(grep -c -e '"status":"OK"' -e '"status":"sucesso"' answers)"
	want 'olá 😀 / "' "$(sed -n 1p data/channels/geral.log | cut -f 4)"
	want 'olá 😀' "$(sed -n 2p data/channels/geral.log | cut -f 4)"
	ask history '"channel":"geral","limit":3' >history
	has history '"message":"olá 😀 / \""'
	has history '"user":"zé"'
}

# All frames before the request come back before the reply.
test_envelopes() {
	up
	ping=$(request ping '')
	pong=$(ask ping '')
	pong() {
		zraw dealer "$FRONT" "$@" | undated | sed 's/^[0-9]* {/{/'
	}
	want "$pong" "$(pong "$ping")"
	want "0 
$pong" "$(pong '' "$ping")"
	want "3 hop
0 
$pong" "$(pong hop '' "$ping")"
	want "4 hop1
4 hop2
0 
$pong" "$(pong hop1 hop2 '' "$ping")"
}

# A publication is two frames: the topic, and one object.
test_publication_frames() {
	up -c geral -c geral2
	client -u bob login
	hear channel geral 1000
	hear inbox bob 1000 msg
	client -u ana pub geral2 'to the longer name'
	client -u ana pub geral 'olá "você"'
	client -u ana msg bob 'só \ nós'
	wait_for grep -q você channel.out
	wait_for grep -q nós inbox.out
	# Every message is two frames, and the lengths are right.
	for f in channel.out inbox.out; do
		awk 'NR % 3 == 0 { if ($0 != "") exit 1; next }
			{ n = $1; sub(/^[0-9]* /, "") }
			length($0) != n { exit 1 }' $f
	done
	without_length() {
		undated | sed 's/^[0-9]* {/{/'
	}
	seq=$(($(grep -n 'você' data/channels/geral.log | cut -d : -f 1)))
	says='"type":"channel","channel":"geral","user":"ana","message":'
	want "5 geral
{$says\"olá \\\"você\\\"\",\"timestamp\":T,\"seq\":$seq}" \
		"$(grep -B 1 'você' channel.out | without_length)"
	seq=$(($(grep -n 'nós' data/users/bob.log | cut -d : -f 1)))
	says='"type":"private","user":"ana","src":"ana","from":"ana",'\
'"dst":"bob","to":"bob","message":'
	want "3 bob
{$says\"só \\\\ nós\",\"timestamp\":T,\"seq\":$seq}" \
		"$(grep -B 1 'nós' inbox.out | without_length)"
	# A bare subscription matches by prefix, and the topic's frame shows it.
	has channel.out '6 geral2'
}

# The proxy subscribes to everything, once; what subscribers ask for stays in it.
test_subscriptions_stay_in_the_proxy() {
	up -c geral
	start publisher zraw -t 600000 xpub "$XSUB" 1000
	subscribed() {
		grep -q '^1 ' publisher.out
	}
	wait_for subscribed
	hear sub geral 1000
	want 1 "$(grep -c '^[0-9]' publisher.out)"
}

# Many messages in one batch are published in the order of their seq, for
# subscribers that have no history to put them in order with.
test_publications_in_order() {
	up -c geral
	hear sub geral 1000
	numbers 1 300 | client -u ana pub geral
	wait_for grep -q '"message":"300"' sub.out
	grep -o '"seq":[0-9]*' sub.out | cut -d : -f 2 >seqs
	sort -n seqs >sorted
	want_same sorted seqs
}

test_history_pages() {
	up -c geral
	numbers 1 120 | client -u ana pub geral
	seqs() {
		ask history "\"channel\":\"geral\"$1" |
			grep -o '"seq":[0-9]*' | cut -d : -f 2 | tr '\n' ' '
	}
	want "$(numbers 71 120 | tr '\n' ' ')" "$(seqs '')"
	want "$(numbers 1 50 | tr '\n' ' ')" "$(seqs ',"after":0')"
	want "$(numbers 1 120 | tr '\n' ' ')" \
		"$(seqs ',"after":0,"limit":1000')"
	want '118 119 120 ' "$(seqs ',"limit":3')"
	want '11 12 ' "$(seqs ',"after":10,"limit":2')"
	want '120 ' "$(seqs ',"after":119')"
	want '' "$(seqs ',"after":120')"
	want '' "$(seqs ',"after":9223372036854775807')"
	want '' "$(seqs ',"limit":0')"
	ask history '"channel":"geral","limit":0' >answer
	has answer '"messages":[],"last":120'
	# The largest messages, made of what grows most: a page stays below
	# 1 MiB, and the next one goes on.
	message=$(printf '%032768d' 0 | sed 's/0/\\u0001/g')
	to_geral='"user":"ana","channel":"geral","message":'
	request publish "$to_geral\"$message\"" >big
	for _ in 1 2 3 4 5 6 7 8; do
		zraw req "$FRONT" <big >answer
		has answer '"status":"OK"'
	done
	ask history '"channel":"geral","after":120,"limit":1000' >answer
	[ "$(wc -c <answer)" -lt 1048576 ]
	got=$(grep -o '"seq":[0-9]*' answer | tail -n 1 | cut -d : -f 2)
	[ "$got" -gt 121 ]
	[ "$got" -lt 128 ]
	want "$((got + 1))" "$(seqs ",\"after\":$got,\"limit\":1" | tr -d ' ')"
}

test_list_pages() {
	up -c geral -c avisos
	for user in dia ana caio bob; do
		ask login "\"user\":\"$user\""
	done
	replies users '' '"status":"OK","users":["ana","bob","caio","dia"]'
	replies users '"limit":2' \
		'"status":"OK","users":["ana","bob"],"more":true'
	# Names that are added do not shift what comes after the last one.
	ask login '"user":"abel"'
	ask login '"user":"beto"'
	replies users '"after":"bob","limit":2' \
		'"status":"OK","users":["caio","dia"],"more":false'
	replies users '"after":"ben"' \
		'"status":"OK","users":["beto","bob","caio","dia"],"more":false'
	replies users '"after":"","limit":1' \
		'"status":"OK","users":["abel"],"more":true'
	replies users '"after":"dia"' '"status":"OK","users":[],"more":false'
	replies users '"limit":0' '"status":"OK","users":[],"more":true'
	replies channels '"after":"avisos"' '"status":"OK","channels":["geral"'\
'],"users":["geral"],"more":false'
}

# Names of what grows most: no reply reaches 1 MiB, and ours gets them all.
test_long_lists() {
	mkdir -p data/channels
	numbers 10001 30000 >ends
	quotes=$(printf '%059d' 0)
	sed "s/^/$(echo "$quotes" | sed 's/0/%22/g')/;s/\$/.log/" ends |
		(cd data/channels && xargs touch)
	up
	for service in channels users; do
		ask $service '' >answer
		[ "$(wc -c <answer)" -lt 1048576 ]
	done
	has answer '"users":[]'
	quotes=$(echo "$quotes" | sed 's/0/"/g')
	sed "s/^/$quotes/" ends >expected
	replies channels '' "$(printf %s '"status":"erro","message":"R",' \
		'"description":"R"' |
		sed 's/R/lista longa demais: peça por partes, com after e limit/g')"
	ask channels '"after":""' >answer
	[ "$(wc -c <answer)" -lt 1048576 ]
	[ "$(wc -c <answer)" -gt 1000000 ]
	client channels >got
	want_same expected got
	last=$(tail -n 1 expected)
	client -u ana pub "$last" oi
	client -u ana sub -s 0 -c 1 "$last" >got
	has got oi
	printf '/join %s\nolá\n' "$last" | client -u ana chat
	client hist "$last" >got
	has got olá
	bot -r 1 -n 1 -i 0
	want "$(hellos)" 1
}

# The same (topic, sender, id) is one message, for as long as ids are
# remembered.
test_same_id_is_one_message() {
	up -c geral -c outro
	id='"id":"k 1"'
	one="\"user\":\"ana\",\"channel\":\"geral\",\"message\":\"one\",$id"
	private="\"src\":\"ana\",\"dst\":\"bob\",\"message\":\"five\",$id"
	create='"channel":"novo","id":"k 3"'
	one_again() {
		replies publish "$one" '"status":"OK","seq":1'
	}
	all_again() {
		one_again
		replies message "$private" '"status":"OK","seq":1'
		replies channel "$create" '"status":"sucesso"'
	}
	one_again
	one_again
	one_again
	replies publish \
		'"user":"bob","channel":"geral","message":"two","id":"k 1"' \
		'"status":"OK","seq":2'
	replies publish \
		'"user":"ana","channel":"outro","message":"three","id":"k 1"' \
		'"status":"OK","seq":1'
	replies publish \
		'"user":"ana","channel":"geral","message":"four","id":"k 2"' \
		'"status":"OK","seq":3'
	all_again
	all_again
	stop server
	server_up
	one_again
	kill9 server
	server_up
	all_again
	want 3 "$(wc -l <data/channels/geral.log | tr -d ' ')"
	want 1 "$(wc -l <data/users/bob.log | tr -d ' ')"
}

# A login is recorded once per id, also when a user's first message had that id.
test_same_id_is_one_login() {
	up -c geral
	ask publish '"user":"ana","channel":"geral","message":"oi","id":"k"'
	for _ in 1 2 3; do
		ask login '"user":"ana","id":"k"'
	done
	want 'user login ' "$(grep '	ana	' data/events.log | cut -f 4 |
		tr '\n' ' ')"
}

# A request to which only the broker replies.
test_no_server() {
	broker_up
	since=$(date +%s)
	away='"message":"servidor indisponível"'
	away="$away,\"description\":\"servidor indisponível\""
	want "$(request erro "\"status\":\"erro\",$away,\"timestamp\":T")" \
		"$(ask ping '')"
	took=$(($(date +%s) - since))
	[ $took -ge 4 ]
	[ $took -le 6 ]
	# One that still waits when a server comes is answered by it.
	proxy_up
	request ping '' >ping
	start asked zraw req "$FRONT" <ping
	server_up
	ended asked
	has asked.out '"status":"OK"'
}

# nonsense COMMAND...: it gets an answer or none; it does not crash.
nonsense() {
	code=0
	"$@" || code=$?
	[ $code = 0 ] || [ $code = 69 ] || fail "ended with $code: $*"
}

# Nonsense on every port stops no daemon.
test_garbage() {
	up -c geral
	hear sub geral 1000
	head -c 3000000 /dev/zero | tr '\000' x >megabytes
	head -c 150000 megabytes >topic
	printf 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' >http
	head -c 100000 /dev/urandom >noise
	printf '\377\000\000\000\000\000\000\000\001\177\003\000NULL' >half
	for port in "$FRONT" "$BACK" "$XSUB" "$XPUB"; do
		for file in http noise half; do
			nonsense zraw stream "$port" <$file
		done
		nonsense zraw -t 300 dealer "$port" '' - <megabytes
		nonsense zraw -t 300 dealer "$port" '' '' ''
		nonsense zraw -t 300 dealer "$port" nonsense
		nonsense zraw -t 300 req "$port" <noise
		exits 69 zraw -t 300 sub "$port" - 1 <topic
	done
	# A body that is too long for a request but not for the socket gets one
	# clear refusal.
	head -c 262145 megabytes | zraw req "$FRONT" >answer
	has answer '"status":"erro"'
	: | zraw req "$FRONT" >answer
	has answer '"status":"erro"'
	client -u ana pub geral 'still here'
	wait_for grep -q 'still here' sub.out
}

# More topics at once than a stock proxy can subscribe to upstream, and all stay
# heard after a restart.
test_many_topics() {
	up -c geral
	numbers 1 1500 | requests channel '"channel":"c&"' |
		zraw -l req "$FRONT" >answers
	want 1500 "$(grep -c sucesso answers)"
	start sub client -u bob sub -s 0 -c 1500 -w 60 \
		$(numbers 1 1500 | sed 's/^/c/')
	m='"user":"ana","channel":"c&","message":"m&"'
	numbers 1 700 | requests publish "$m" | zraw -l req "$FRONT" >answers
	stop server
	server_up
	numbers 701 1500 | requests publish "$m" |
		zraw -l req "$FRONT" >>answers
	want 1500 "$(grep -c '"seq":1,' answers)"
	ended sub
	want 1500 "$(cut -f 3,5 sub.out | sort -u | wc -l | tr -d ' ')"
}

test_jsontestsuite() {
	[ -d "${JSONTESTSUITE:-}" ] || exit 77
	set +x
	n=0
	for file in "$JSONTESTSUITE"/*.json; do
		got=0
		json_check <"$file" 2>/dev/null || got=$?
		case ${file##*/} in
		# The grammar allows duplicate keys, and we do not.
		y_object_duplicated_key*) [ $got = 1 ] || echo "accepted: $file" ;;
		y_*) [ $got = 0 ] || echo "refused: $file" ;;
		n_*) [ $got = 1 ] || echo "accepted: $file" ;;
		*)   [ $got -le 1 ] || echo "ended with $got: $file" ;;
		esac >>wrong
		n=$((n + 1))
	done
	want '' "$(cat wrong)"
	[ $n -gt 300 ]
}
