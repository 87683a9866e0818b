# shellcheck shell=sh disable=SC2016,SC2317
# tests/test_terminal.sh: the chat on a real terminal, in tmux: what is typed,
# and what the screen shows.

# screen COMMAND: runs it in a terminal of 80 x 24 of its own.
screen() {
	command -v tmux >/dev/null || exit 77
	XDG_STATE_HOME=$PWD/state
	export XDG_STATE_HOME
	printf '%s\n' "$1" >screen.sh
	mux new-session -d -x 80 -y 24 "sh screen.sh; echo \$? >screen.rc"
	trap mux_end EXIT
}

# -u: the locale of a test machine may not be one with UTF-8, the terminal is.
mux() {
	LC_ALL=C.UTF-8 tmux -u -S ./tmux -f /dev/null "$@"
}

mux_end() {
	result=$?
	set +e
	mux kill-server 2>/dev/null     # it may have ended with its program
	(exit $result)
	finish
}

shown() {
	mux capture-pane -p >shown 2>/dev/null
}

shows() {
	shown && grep -qF -e "$1" shown
}

# The line that is being typed: the last one that is not empty.
typing() {
	shown && [ "$(sed '/^$/d' shown | tail -n 1)" = "$1" ]
}

keys() {
	mux send-keys "$@"
}

chat_on_screen() {
	up -c geral
	screen 'client -u ana chat geral'
	wait_for shows '#geral>'
}

test_typed_line_survives_messages() {
	chat_on_screen
	keys -l 'meia frase, ção'
	wait_for typing '#geral> meia frase, ção'
	client -u bob pub geral 'chega agora'
	wait_for shows '#geral bob: chega agora'
	wait_for typing '#geral> meia frase, ção'
	mux resize-window -x 45 -y 12
	client -u bob pub geral 'e mais uma'
	wait_for shows 'bob: e mais uma'
	mux resize-window -x 80 -y 24
	keys BSpace BSpace BSpace
	keys -l 'fim'
	keys Home
	keys -l '>> '
	keys Enter
	wait_for grep -q '	ana	>> meia frase, fim	' data/channels/geral.log
	wait_for typing '#geral>'
	keys Up
	wait_for typing '#geral> >> meia frase, fim'
}

# completed LINE: Tab, until the names that it needs have come.
completed() {
	typing "$1" || {
		keys Tab
		return 1
	}
}

test_paste_and_completion() {
	chat_on_screen
	client create outro
	keys -l '/jo'
	keys Tab
	wait_for typing '#geral> /join'
	keys -l 'ou'
	wait_for completed '#geral> /join outro'
	keys Enter
	wait_for typing '#outro>'
	printf 'primeira\nsegunda\nterceira\n' >lines
	mux load-buffer lines
	mux paste-buffer -p
	keys Enter
	pasted() {
		cut -f 4 data/channels/outro.log | cmp - lines
	}
	wait_for pasted
}

test_chat_outlives_the_server() {
	chat_on_screen
	kill9 server
	keys -l 'ninguém ouve'
	keys Enter
	wait_for shows 'ninguém ouve'
	server_up
	wait_for grep -q 'ninguém ouve' data/channels/geral.log
	wait_for shows 'ana: ninguém ouve'
	client -u bob pub geral depois
	wait_for shows 'bob: depois'
	want 1 "$(grep -c 'ninguém ouve' data/channels/geral.log)"
	shown
	want 1 "$(grep -c 'ana: ninguém ouve' shown)"
}

# However it ends, the terminal is as it was.
test_terminal_is_restored() {
	up -c geral
	# Ctrl-C is meant for the client alone.
	screen 'trap : INT
		stty -a >before
		for how in quit interrupt term; do
			echo "begin $how"
			sh -c "echo \$\$ >pid.$how; exec client -u ana chat geral"
			stty -a >after.$how
		done'
	wait_for shows '#geral>'
	keys -l '/quit'
	keys Enter
	wait_for [ -s after.quit ]
	wait_for shows 'begin interrupt'
	wait_for typing '#geral>'
	keys C-c
	wait_for [ -s after.interrupt ]
	wait_for shows 'begin term'
	wait_for typing '#geral>'
	kill "$(cat pid.term)"
	wait_for [ -s after.term ]
	cmp before after.quit
	cmp before after.interrupt
	cmp before after.term
}
