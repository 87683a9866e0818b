# shellcheck shell=sh disable=SC2154
# test_peers.sh: no peer can stop a daemon, or speak for another.

# Connections that say nothing, more of them than libzmq queues events for.
test_connections_that_come_and_go() {
	up -c geral
	for port in "$FRONT" "$BACK" "$XSUB" "$XPUB"; do
		zraw knock "$port" 2500
	done
	exits 0 client -u ana pub geral oi
	# Each of these is noticed, too, and costs a turn of the broker.
	kill9 server
	server_up
	zraw knock "$BACK" 2500
	exits 0 client -u ana pub geral oi
	stop broker
	stop proxy
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

# forge COUNT TEXT: an answer to a request of this broker, from a stranger.
forge() {
	{
		printf A
		le64 "$boot"
		le64 "$(printf %x "$1")"
		le64 "$(printf %x ${#2})"
		printf %s "$2"
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
	forge 0 nothing
	has forged.out W
	exits 0 client ping
	# Of the request that comes next: a row is used again at once.
	signal server STOP
	next=$(((count >> 14) + 2))
	row=$((count & 16383))
	start victim zraw req "$FRONT" <<-'END'
	{"service":"publish","data":{"user":"ana","channel":"geral","message":"dois"}}
	END
	for _ in 1 2 3 4 5; do
		forge $((next << 14 | row)) '{"service":"publish","data":{"seq":99}}'
		next=$((next + 1))
	done
	signal server CONT
	ended victim
	has victim.out '"status":"OK","seq":2'
}
