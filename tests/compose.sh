#!/bin/sh
# tests/compose.sh: the compose file for real: built, up, two bots talking, the
# logs read in the container, each daemon killed and back, one of them for all
# the memory that it took, the ports of the servers out of a client's reach,
# everything down and up again with nothing lost. Needs a docker engine and the
# base image that the Dockerfile names; without an engine it says so and counts
# as skipped.
set -u
cd "$(dirname "$0")/.." || exit 1
PATIENCE=${PATIENCE:-60}        # seconds for each condition
IMAGE_BYTES_MAX=20000000
BACK_S=30                       # a daemon that died is back: alone here, 1 to 2
OOM_MIB=1500                    # more than a daemon may have
# Its own project and ports, so that one that is in use stays untouched.
COMPOSE_PROJECT_NAME=recado-test-$$
RECADO_BROKER_PORT=0
RECADO_PROXY_PORT=0
export COMPOSE_PROJECT_NAME RECADO_BROKER_PORT RECADO_PROXY_PORT

. tests/lib.sh


command -v docker >/dev/null || skip_all 'no docker here'
docker info >/dev/null 2>&1 || skip_all 'no docker engine answers'
if docker compose version >/dev/null 2>&1; then
	compose() { docker compose "$@"; }
elif command -v docker-compose >/dev/null; then
	compose() { docker-compose "$@"; }
else
	skip_all 'neither "docker compose" nor docker-compose here'
fi

dir=$(mktemp -d) || exit 1
end() {
	compose --profile client down -v --remove-orphans >>"$dir/log" 2>&1
	rm -rf "$dir"
}
trap end EXIT
trap 'exit 1' HUP INT TERM

explain() {
	compose ps
	compose logs --tail 20
}

small() {
	bytes=$(docker image inspect -f '{{.Size}}' recado)
	echo "$bytes bytes"
	[ "$bytes" -le $IMAGE_BYTES_MAX ]
}

in_server() {
	compose exec -T server "$@"
}

log() {
	in_server sh -c 'cat /data/channels/*.log'
}

lines() {
	log | wc -l
}

# Two bots have written more than so many lines together.
bots_talk() {
	log >"$dir/lines"
	[ "$(cut -f 3 "$dir/lines" | sort -u | grep -c .)" -ge 2 ] &&
		[ "$(wc -l <"$dir/lines")" -gt "$1" ]
}

healthy() {
	for service in broker proxy server; do
		id=$(compose ps -q $service)
		state=$(docker inspect -f '{{.State.Health.Status}}' "$id")
		[ "$state" = healthy ] || return 1
	done
}

owner() {
	[ "$(in_server id -u)" = 1000 ] &&
		[ "$(in_server stat -c %u /data/channels/geral.log)" = 1000 ]
}

# pid_of CONTAINER: the id of its process 1 outside of it.
pid_of() {
	docker inspect -f '{{.State.Pid}}' "$1"
}

# Seen from here, process 1 of a container is a process like any other and dies
# of SIGKILL. The restart policy brings it back; after "docker kill" it would
# not.
kill_one() {
	id=$(compose ps -q "$1") && pid=$(pid_of "$id") &&
		kill -s KILL "$pid" && wait_for restarted "$id" "$pid" &&
		soon_back "$id"
}

restarted() {
	now=$(pid_of "$1")
	[ "$now" != "$2" ] && [ "$now" != 0 ]
}

# ms TIME: since 1970, of a time as docker writes it.
ms() {
	date -d "$1" +%s%3N
}

# How long was it away the last time?
soon_back() {
	ended=$(docker inspect -f '{{.State.FinishedAt}}' "$1")
	started=$(docker inspect -f '{{.State.StartedAt}}' "$1")
	away=$(($(ms "$started") - $(ms "$ended")))
	echo "away for $away ms" | tee -a "$dir/away"
	[ $away -le $((BACK_S * 1000)) ]
}

# A message that never ends is more than libzmq can bound. The kernel ends the
# broker for it, and nobody else.
fill_memory() {
	id=$(compose ps -q broker) && pid=$(pid_of "$id") || return 1
	./build/rude endless "tcp://$(compose port broker 5555)" $OOM_MIB
	wait_for restarted "$id" "$pid" && soon_back "$id"
}

# can_reach HOST PORT: from where the clients are.
can_reach() {
	compose exec -T --index 1 bot nc -w 2 "$1" "$2" </dev/null
}

# Not by the names that clients know, and not by the address in the network of
# the servers.
out_of_reach() {
	can_reach broker 5555 && can_reach proxy 5558 || return 1
	for place in broker:5556 proxy:5557; do
		name=${place%:*} port=${place#*:}
		address=$(docker inspect -f '{{range $n, $of :=
			.NetworkSettings.Networks}}{{$of.IPAddress}} {{end}}' \
			"$(compose ps -q "$name")")
		for host in $name $name.back $address; do
			can_reach "$host" "$port" && return 1
		done
	done
	# But there they do listen.
	in_server nc -w 2 broker.back 5556 </dev/null &&
		in_server nc -w 2 proxy.back 5557 </dev/null
}

# In force, not only written down.
limited() {
	for service in broker proxy server bot; do
		for id in $(compose ps -q $service); do
			docker inspect -f '{{.HostConfig.Memory}} {{
				.HostConfig.MemorySwap}} {{
				.HostConfig.PidsLimit}} {{
				.HostConfig.ReadonlyRootfs}} {{
				.HostConfig.CapDrop}} {{
				.HostConfig.SecurityOpt}}' "$id"
		done
	done >"$dir/limits"
	cat "$dir/limits"
	[ "$(grep -c '^805306368 805306368 64 true \[ALL\] \[no-new-pri' \
		"$dir/limits")" = 3 ] &&
		[ "$(grep -c '^67108864 67108864 64 true \[ALL\] \[no-new-pri' \
		"$dir/limits")" = 2 ] &&
		in_server sh -c 'grep -q "^NoNewPrivs:.1" /proc/1/status &&
			grep -q "^Max core file size *0 *0 " /proc/1/limits &&
			! touch /x'
}

say() {
	compose run --rm -T client -u ana pub geral "$1" </dev/null
}

from_outside() {
	./client -b "tcp://$(compose port broker 5555)" \
		-p "tcp://$(compose port proxy 5558)" \
		-u eva -t 10 pub geral 'from outside'
}

# What was there at remember() is there, and nothing came before it.
nothing_lost() {
	in_server cat /data/channels/geral.log >"$dir/now" || return 1
	head -n "$(wc -l <"$dir/before")" "$dir/now" | cmp - "$dir/before" &&
		in_server logck -q /data
}

remember() {
	in_server cat /data/channels/geral.log >"$dir/before" &&
		[ -s "$dir/before" ]
}

stopped_in_order() {
	compose logs --no-color bot >"$dir/bots"
	grep 'sent=' "$dir/bots"
	[ "$(grep -c 'erro=0 seen=[0-9]* dup=0 gap=0' "$dir/bots")" = 2 ]
}

try 'build' compose build
try 'an image of 20 MB at most' small
try 'up' compose up -d
try 'two bots talk' wait_for bots_talk 10
try 'all are healthy' wait_for healthy
try 'an ordinary user owns the logs' owner
try 'a client in a container' say 'oi do container'
try 'cat' in_server cat /data/channels/geral.log
try 'grep' in_server grep -r 'oi do container' /data/channels
try_with ./client 'a client outside' from_outside
try 'its lines are there' remember
try 'limits' limited
try 'the ports of servers are out of the reach of clients' out_of_reach
for service in broker proxy server; do
	try "kill -9 of the $service, and it is back" kill_one $service
done
try 'the bots talk on' wait_for bots_talk $(($(lines) + 10))
try_with ./build/rude 'no memory for the broker, and it is back' fill_memory
try 'the bots talk on' wait_for bots_talk $(($(lines) + 10))
try 'nothing was lost' nothing_lost
try 'its lines are there' remember
try 'stop' compose stop
try 'the bots saw neither error nor gap nor duplicate' stopped_in_order
try 'down' compose down
try 'up again' compose up -d
try 'nothing was lost' nothing_lost
try 'and on they talk' wait_for bots_talk $(($(lines) + 10))
cat "$dir/away"
closing_line
