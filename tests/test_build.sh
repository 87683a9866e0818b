# shellcheck shell=sh disable=SC2154
# test_build.sh: what the programs, the containers and the services are given
# against what nobody thought of.

# tiny ARGUMENT...: makes a program that has an array on its stack, with the
# flags that the Makefile gives to all of them; elf is what is known of it.
tiny() {
	rm -rf build tiny
	env -u MAKEFLAGS -u MFLAGS make -f "$SOURCES/Makefile" OUT=. \
		PROGRAMS=tiny SHARED=tinier "$@" tiny
	readelf --wide --file-header --segments --dynamic --dyn-syms tiny >elf
}

test_hardened() {
	command -v readelf || exit 77
	echo 'exit 0' >deps.sh
	chmod +x deps.sh
	echo 'extern const int tinier; const int tinier = 1;' >tinier.c
	cat >tiny.c <<-'END'
	#include <stdio.h>
	#include <string.h>
	int main(int argc, char **argv)
	{
		char name[64];
		memcpy(name, argv[0], strlen(argv[0]) + (size_t)argc);
		(void)puts(name);
		return 0;
	}
	END
	for cc in gcc clang; do
		command -v $cc || continue
		tiny CC=$cc
		for word in 'DYN (Position-Independent' BIND_NOW GNU_RELRO \
			__stack_chk_fail __memcpy_chk; do
			has elf "$word"
		done
		refute grep 'GNU_STACK.*RWE' elf
		tiny CC=$cc CFLAGS=-O1
		hasnt elf __stack_chk_fail
		hasnt elf __memcpy_chk
	done
}

# What a container may have, and who reaches whom. tests/compose.sh looks if
# that is in force.
test_compose_file() {
	file=$SOURCES/docker-compose.yml
	[ -e "$file" ] || exit 77
	# Every service begins with what all of them have.
	sed -n '/^services:/,/^[a-rt-z]/p' "$file" >services
	want 'broker proxy server bot client ' \
		"$(sed -n 's/^  \([a-z]*\):$/\1/p' services | tr '\n' ' ')"
	want 5 "$(grep -A 1 '^  [a-z]*:$' services |
		grep -c '^    <<: \*\(recado\|daemon\)$')"
	sed -n '/^x-recado:/,/^$/p' "$file" >common
	for word in 'restart: unless-stopped' 'read_only: true' \
		'cap_drop: [ALL]' 'no-new-privileges:true' 'pids_limit: ' \
		'mem_limit: ' 'memswap_limit: ' 'core: 0' 'nofile: ' \
		'max-size: ' 'max-file: ' 'stop_grace_period: ' \
		'networks: [front]'; do
		has common "$word"
	done
	sed -n '/^x-daemon:/,/^$/p' "$file" >daemons
	has daemons 'mem_limit: 768m'
	for word in privileged network_mode cap_add devices pid:; do
		hasnt "$file" $word
	done
	# Only these are in back, from where no way leads out.
	sed -n '/^  server:/,/^$/p' "$file" >server
	has server 'networks: [back]'
	want 2 "$(grep -c 'networks: {front: {}, back: ' services)"
	want 3 "$(grep -c '^    networks:' services)"
	sed -n '/^networks:/,/^$/p' "$file" >networks
	has networks 'internal: true'
	hasnt services 5556:5556
	hasnt services 5557:5557
	want 2 "$(grep -c 'ports:.*127.0.0.1:' services)"
}

# A service is started again after whatever end, and has bounds too.
test_units() {
	for unit in "$SOURCES"/pkg/systemd/*.service; do
		[ -e "$unit" ] || exit 77
		for word in Restart=on-failure RestartSec=1 \
			StartLimitIntervalSec=0 LimitNOFILE= LimitCORE=0 \
			MemoryMax=768M MemorySwapMax=0 TasksMax= \
			NoNewPrivileges=yes; do
			has "$unit" $word
		done
	done
}
