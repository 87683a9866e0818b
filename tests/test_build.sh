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
