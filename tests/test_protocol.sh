# shellcheck shell=sh disable=SC2016,SC2046,SC2094,SC2129,SC2317
# tests/protocol.sh: the services, byte for byte, as a client in another language sees them.

test_services() {
	up
	want '{"service":"login","data":{"status":"sucesso","timestamp":T}}' \
		"$(ask '{"service":"login","data":{"user":"ana","timestamp":1700000000}}')"
	want '{"service":"login","data":{"status":"sucesso","timestamp":T}}' \
		"$(ask '{"service":"login","data":{"user":"ana","timestamp":1700000001}}')"
	want '{"service":"users","data":{"status":"OK","users":["ana"],"timestamp":T}}' \
		"$(ask '{"service":"users","data":{"timestamp":1}}')"
	want '{"service":"channel","data":{"status":"sucesso","timestamp":T}}' \
		"$(ask '{"service":"channel","data":{"channel":"geral","timestamp":1}}')"
	want '{"service":"channels","data":{"status":"OK","channels":["geral"],"users":["geral"],"timestamp":T}}' \
		"$(ask '{"service":"channels","data":{"timestamp":1}}')"
	want '{"service":"publish","data":{"status":"OK","seq":1,"timestamp":T}}' \
		"$(ask '{"service":"publish","data":{"user":"ana","channel":"geral","message":"oi","timestamp":1}}')"
	want '{"service":"publish","data":{"status":"OK","seq":2,"timestamp":T}}' \
		"$(ask '{"service":"publish","data":{"user":"bob","channel":"geral","message":"tchau","timestamp":1}}')"
	want '{"service":"message","data":{"status":"OK","seq":1,"timestamp":T}}' \
		"$(ask '{"service":"message","data":{"src":"ana","dst":"bob","message":"psst","timestamp":1}}')"
	want '{"service":"history","data":{"status":"OK","messages":[{"type":"channel","channel":"geral","user":"bob","message":"tchau","timestamp":T,"seq":2}],"last":2,"timestamp":T}}' \
		"$(ask '{"service":"history","data":{"channel":"geral","after":1,"timestamp":1}}')"
	want '{"service":"history","data":{"status":"OK","messages":[{"type":"private","user":"ana","src":"ana","from":"ana","dst":"bob","to":"bob","message":"psst","timestamp":T,"seq":1}],"last":1,"timestamp":T}}' \
		"$(ask '{"service":"history","data":{"user":"bob","timestamp":1}}')"
	version=$(server -V | sed 's/^recado //')
	want "{\"service\":\"ping\",\"data\":{\"status\":\"OK\",\"version\":\"$version\",\"timestamp\":T}}" \
		"$(ask '{"service":"ping","data":{}}')"
	ask '{"service":"stats","data":{}}' >stats
	has stats "{\"service\":\"stats\",\"data\":{\"status\":\"OK\",\"version\":\"$version\",\"server\":{\"uptime\":"
	has stats '"name":"geral","seq":2'
	has stats '"broker":{"waiting":'
	sed 's/:T/:0/' stats | json_check
}

# Each line: the service that the answer names, a tab, the request. None may leave a trace.
test_errors() {
	up
	ask '{"service":"channel","data":{"channel":"geral"}}' >/dev/null
	ask '{"service":"login","data":{"user":"ana"}}' >/dev/null
	long=$(printf '%065d' 0)
	long_message=$(printf '%032769d' 0)
	cat >bad <<-EOT
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
	login	{"service":"login","data":{}}
	login	{"service":"login","data":{"user":7}}
	login	{"service":"login","data":{"user":null}}
	login	{"service":"login","data":{"user":""}}
	login	{"service":"login","data":{"user":" ana"}}
	login	{"service":"login","data":{"user":"ana "}}
	login	{"service":"login","data":{"user":"a\\nb"}}
	login	{"service":"login","data":{"user":"a\\u0000b"}}
	login	{"service":"login","data":{"user":"a\\u202eb"}}
	login	{"service":"login","data":{"user":"$long"}}
	login	{"service":"login","data":{"user":"geral"}}
	login	{"service":"login","data":{"user":"dia","id":""}}
	login	{"service":"login","data":{"user":"dia","id":7}}
	login	{"service":"login","data":{"user":"dia","id":"é"}}
	login	{"service":"login","data":{"user":"dia","id":"$long"}}
	channel	{"service":"channel","data":{}}
	channel	{"service":"channel","data":{"channel":"geral"}}
	channel	{"service":"channel","data":{"channel":"ana"}}
	channel	{"service":"channel","data":{"channel":""}}
	channel	{"service":"channel","data":{"channel":["a"]}}
	channel	{"service":"channel","data":{"channel":"$long"}}
	channel	{"service":"channel","data":{"channel":"a\\tb"}}
	publish	{"service":"publish","data":{"user":"ana","channel":"nowhere","message":"x"}}
	publish	{"service":"publish","data":{"user":"ana","channel":"ana","message":"x"}}
	publish	{"service":"publish","data":{"user":"ana","channel":"geral","message":""}}
	publish	{"service":"publish","data":{"user":"ana","channel":"geral","message":"$long_message"}}
	publish	{"service":"publish","data":{"user":"ana","channel":"geral","message":7}}
	publish	{"service":"publish","data":{"user":"ana","channel":"geral"}}
	publish	{"service":"publish","data":{"user":"ana","message":"x"}}
	publish	{"service":"publish","data":{"channel":"geral","message":"x"}}
	publish	{"service":"publish","data":{"user":"geral","channel":"geral","message":"x"}}
	publish	{"service":"publish","data":{"user":"a\\u0007","channel":"geral","message":"x"}}
	publish	{"service":"publish","data":{"user":"ana","channel":"geral","message":"x","id":"a\\nb"}}
	message	{"service":"message","data":{"src":"ana","dst":"nobody","message":"x"}}
	message	{"service":"message","data":{"src":"ana","dst":"geral","message":"x"}}
	message	{"service":"message","data":{"src":"ana","dst":"ana","message":""}}
	message	{"service":"message","data":{"src":"ana","message":"x"}}
	message	{"service":"message","data":{"dst":"ana","message":"x"}}
	message	{"service":"message","data":{"src":"","dst":"ana","message":"x"}}
	history	{"service":"history","data":{}}
	history	{"service":"history","data":{"channel":"nowhere"}}
	history	{"service":"history","data":{"user":"nobody"}}
	history	{"service":"history","data":{"channel":"geral","limit":-1}}
	history	{"service":"history","data":{"channel":"geral","limit":1001}}
	history	{"service":"history","data":{"channel":"geral","limit":"5"}}
	history	{"service":"history","data":{"channel":"geral","after":-1}}
	history	{"service":"history","data":{"channel":"geral","after":1.5}}
	EOT
	printf 'erro\t{"service":"ping","data":{"a":"\377"}}\n' >>bad
	printf 'erro\t{"service":"ping","data":{"a":"\\ud800"}}\n' >>bad
	printf 'erro\t{"service":"ping","data":{"a":"b\001"}}\n' >>bad
	printf 'erro\t\357\273\277{"service":"ping","data":{}}\n' >>bad
	printf 'erro\t{"service":"ping","data":{}}\000\n' >>bad
	find data -type f -exec cksum {} + | grep -v -e journal -e events >before
	cut -f 2- <bad | zraw -l req "$FRONT" >answers
	cut -f 1 <bad >expected
	sed 's/^{"service":"\([^"]*\)".*/\1/' <answers >named
	paste bad answers | cut -c 1-300
	want_same expected named
	refute grep -v '"status":"erro"' answers
	refute grep -v '"message":"\([^"][^"]*\)","description":"\1","timestamp":[0-9.]*}}$' answers
	find data -type f -exec cksum {} + | grep -v -e journal -e events >after
	want_same before after
	want '{"service":"users","data":{"status":"OK","users":["ana"],"timestamp":T}}' \
		"$(ask '{"service":"users","data":{}}')"
}

test_no_word_erro_in_success() {
	up
	client -u ana create geral
	client -u ana pub geral oi
	for s in '"users","data":{' '"channels","data":{' '"ping","data":{' '"login","data":{"user":"bob"' \
		'"history","data":{"channel":"geral"' '"stats","data":{'; do
		ask "{\"service\":$s}}" >answer
		hasnt answer erro
	done
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
	printf '\r\n\t{"service":\r\n"ping",\t"data":\n{}}\r\n' | zraw req "$FRONT" >answer
	has answer '"status":"OK"'
	zraw -l req "$FRONT" <requests >answers
	want 9 "$(grep -c -e '"status":"OK"' -e '"status":"sucesso"' answers)"
	want 'olá 😀 / "' "$(sed -n 1p data/channels/geral.log | cut -f 4)"
	want 'olá 😀' "$(sed -n 2p data/channels/geral.log | cut -f 4)"
	ask '{"service":"history","data":{"channel":"geral","limit":3}}' >history
	has history '"message":"olá 😀 / \""'
	has history '"user":"zé"'
}

# Whatever stands before the request comes back before the answer.
test_envelopes() {
	up
	ping='{"service":"ping","data":{}}'
	pong=$(ask "$ping")
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
			{ n = $1; sub(/^[0-9]* /, ""); if (length($0) != n) exit 1 }' $f
	done
	seq=$(($(grep -n 'você' data/channels/geral.log | cut -d : -f 1)))
	want "5 geral
{\"type\":\"channel\",\"channel\":\"geral\",\"user\":\"ana\",\"message\":\"olá \\\"você\\\"\",\"timestamp\":T,\"seq\":$seq}" \
		"$(grep -B 1 'você' channel.out | undated | sed 's/^[0-9]* {/{/')"
	seq=$(($(grep -n 'nós' data/users/bob.log | cut -d : -f 1)))
	want "3 bob
{\"type\":\"private\",\"user\":\"ana\",\"src\":\"ana\",\"from\":\"ana\",\"dst\":\"bob\",\"to\":\"bob\",\"message\":\"só \\\\ nós\",\"timestamp\":T,\"seq\":$seq}" \
		"$(grep -B 1 'nós' inbox.out | undated | sed 's/^[0-9]* {/{/')"
	# The bare subscription matches by prefix, and the topic's frame says so.
	has channel.out '6 geral2'
}

test_history_pages() {
	up -c geral
	numbers 1 120 | client -u ana pub geral
	seqs() {
		ask "{\"service\":\"history\",\"data\":{\"channel\":\"geral\"$1}}" |
			grep -o '"seq":[0-9]*' | cut -d : -f 2 | tr '\n' ' '
	}
	want "$(numbers 71 120 | tr '\n' ' ')" "$(seqs '')"
	want "$(numbers 1 50 | tr '\n' ' ')" "$(seqs ',"after":0')"
	want "$(numbers 1 120 | tr '\n' ' ')" "$(seqs ',"after":0,"limit":1000')"
	want '118 119 120 ' "$(seqs ',"limit":3')"
	want '11 12 ' "$(seqs ',"after":10,"limit":2')"
	want '120 ' "$(seqs ',"after":119')"
	want '' "$(seqs ',"after":120')"
	want '' "$(seqs ',"after":9223372036854775807')"
	want '' "$(seqs ',"limit":0')"
	ask '{"service":"history","data":{"channel":"geral","limit":0}}' >answer
	has answer '"messages":[],"last":120'
	# The largest messages, made of what grows most: a page stays below 1 MiB, and the next goes on.
	message=$(printf '%032768d' 0 | sed 's/0/\\u0001/g')
	printf '{"service":"publish","data":{"user":"ana","channel":"geral","message":"%s"}}' "$message" >big
	for _ in 1 2 3 4 5 6 7 8; do
		zraw req "$FRONT" <big >answer
		has answer '"status":"OK"'
	done
	printf '{"service":"history","data":{"channel":"geral","after":120,"limit":1000}}' |
		zraw req "$FRONT" >answer
	[ "$(wc -c <answer)" -lt 1048576 ]
	got=$(grep -o '"seq":[0-9]*' answer | tail -n 1 | cut -d : -f 2)
	[ "$got" -gt 121 ]
	[ "$got" -lt 128 ]
	want "$((got + 1))" "$(seqs ",\"after\":$got,\"limit\":1" | tr -d ' ')"
}

# The same (topic, sender, id) is one message, for as long as ids are remembered.
test_same_id_is_one_message() {
	up -c geral -c outro
	again='{"service":"publish","data":{"user":"ana","channel":"geral","message":"one","id":"k 1"}}'
	for _ in 1 2 3; do
		want '{"service":"publish","data":{"status":"OK","seq":1,"timestamp":T}}' "$(ask "$again")"
	done
	ask '{"service":"publish","data":{"user":"bob","channel":"geral","message":"two","id":"k 1"}}' >a
	has a '"seq":2'
	ask '{"service":"publish","data":{"user":"ana","channel":"outro","message":"three","id":"k 1"}}' >a
	has a '"seq":1'
	ask '{"service":"publish","data":{"user":"ana","channel":"geral","message":"four","id":"k 2"}}' >a
	has a '"seq":3'
	private='{"service":"message","data":{"src":"ana","dst":"bob","message":"five","id":"k 1"}}'
	want '{"service":"message","data":{"status":"OK","seq":1,"timestamp":T}}' "$(ask "$private")"
	want '{"service":"message","data":{"status":"OK","seq":1,"timestamp":T}}' "$(ask "$private")"
	create='{"service":"channel","data":{"channel":"novo","id":"k 3"}}'
	want '{"service":"channel","data":{"status":"sucesso","timestamp":T}}' "$(ask "$create")"
	want '{"service":"channel","data":{"status":"sucesso","timestamp":T}}' "$(ask "$create")"
	stop server
	server_up
	want '{"service":"publish","data":{"status":"OK","seq":1,"timestamp":T}}' "$(ask "$again")"
	kill9 server
	server_up
	want '{"service":"publish","data":{"status":"OK","seq":1,"timestamp":T}}' "$(ask "$again")"
	want '{"service":"message","data":{"status":"OK","seq":1,"timestamp":T}}' "$(ask "$private")"
	want '{"service":"channel","data":{"status":"sucesso","timestamp":T}}' "$(ask "$create")"
	want 3 "$(wc -l <data/channels/geral.log | tr -d ' ')"
	want 1 "$(wc -l <data/users/bob.log | tr -d ' ')"
}

# A login is recorded once per id, also when a user's first message had that id.
test_same_id_is_one_login() {
	up -c geral
	ask '{"service":"publish","data":{"user":"ana","channel":"geral","message":"oi","id":"k"}}'
	for _ in 1 2 3; do
		ask '{"service":"login","data":{"user":"ana","id":"k"}}'
	done
	want 'user login ' "$(grep '	ana	' data/events.log | cut -f 4 | tr '\n' ' ')"
}

# A request that is answered by nobody but the broker.
test_no_server() {
	broker_up
	since=$(date +%s)
	want '{"service":"erro","data":{"status":"erro","message":"servidor indisponível","description":"servidor indisponível","timestamp":T}}' \
		"$(ask '{"service":"ping","data":{}}')"
	took=$(($(date +%s) - since))
	[ $took -ge 4 ]
	[ $took -le 6 ]
	# One that still waits when a server comes is answered by it.
	proxy_up
	printf '{"service":"ping","data":{}}' >ping
	start asked zraw req "$FRONT" <ping
	server_up
	ended asked
	has asked.out '"status":"OK"'
}

# Nonsense on every port stops nobody.
test_garbage() {
	up -c geral
	hear sub geral 1000
	head -c 3000000 /dev/zero | tr '\000' x >megabytes
	printf 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' >http
	head -c 100000 /dev/urandom >noise
	printf '\377\000\000\000\000\000\000\000\001\177\003\000NULL' >half
	for port in "$FRONT" "$BACK" "$XSUB" "$XPUB"; do
		for file in http noise half; do
			zraw stream "$port" <$file >>streamed || :
		done
		zraw -t 300 dealer "$port" '' - <megabytes >>streamed || :
		zraw -t 300 dealer "$port" '' '' '' >>streamed || :
		zraw -t 300 dealer "$port" nonsense </dev/null >>streamed || :
		zraw -t 300 req "$port" <noise >>streamed || :
		head -c 150000 megabytes >topic
		refute zraw -t 300 sub "$port" - 1 <topic
	done
	# A body that is too long for a request but not for the socket: one clear refusal.
	head -c 262145 megabytes | zraw req "$FRONT" >answer
	has answer '"status":"erro"'
	: | zraw req "$FRONT" >answer
	has answer '"status":"erro"'
	client -u ana pub geral 'still here'
	wait_for grep -q 'still here' sub.out
}

# More topics at once than a stock proxy can subscribe upstream, and all stay heard after a restart.
test_many_topics() {
	up -c geral
	numbers 1 1500 | sed 's/.*/{"service":"channel","data":{"channel":"c&"}}/' | zraw -l req "$FRONT" >answers
	want 1500 "$(grep -c sucesso answers)"
	start sub client -u bob sub -s 0 -c 1500 -w 60 $(numbers 1 1500 | sed 's/^/c/')
	numbers 1 700 | sed 's/.*/{"service":"publish","data":{"user":"ana","channel":"c&","message":"m&"}}/' |
		zraw -l req "$FRONT" >answers
	stop server
	server_up
	numbers 701 1500 | sed 's/.*/{"service":"publish","data":{"user":"ana","channel":"c&","message":"m&"}}/' |
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
