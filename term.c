/* term.c: see term.h. */
#include "term.h"

#include "util.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define PASTE_ON  "\033[?2004h"
#define PASTE_OFF "\033[?2004l"

static struct termios before, during;
static volatile sig_atomic_t changed;   /* 1: the mode is ours */
static int notes[2] = { -1, -1 };       /* signals as bytes; see util.h */

/* Signal handlers call this too: only async-signal-safe functions here. */
void term_close(void)
{
	if (!changed)
		return;
	changed = 0;
	/* Both may fail: the terminal may be gone. */
	(void)!write(STDOUT_FILENO, PASTE_OFF, sizeof PASTE_OFF - 1);
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

static int set_mode(void)
{
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &during) == -1)
		return -1;
	changed = 1;
	/* An error shows at the next read as well. */
	(void)!write(STDOUT_FILENO, PASTE_ON, sizeof PASTE_ON - 1);
	return 0;
}

static void on_fatal(int number)
{
	term_close();
	(void)raise(number);    /* SA_RESETHAND: now with its usual effect */
}

static void catch_terminal_signals(void)
{
	static const int fatal[] = {
		SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL
	};
	static const int note[] = { SIGWINCH, SIGTSTP, SIGHUP };

	signal_pipe(notes);
	for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
		signal_set(fatal[i], on_fatal,
		    (int)(SA_RESETHAND | SA_NODEFER));
	for (size_t i = 0; i < sizeof note / sizeof *note; i++)
		signal_to_pipe(note[i], notes, SA_RESTART);
}

static int can_edit(void)
{
	const char *term = getenv("TERM");

	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
	    term != NULL && *term != '\0' && strcmp(term, "dumb") != 0;
}

int term_open(void)
{
	if (!can_edit() || tcgetattr(STDIN_FILENO, &before) == -1)
		return -1;
	during = before;
	during.c_iflag &= ~(tcflag_t)(BRKINT | ICRNL | INLCR | IGNCR | INPCK |
	    ISTRIP | IXON);
	during.c_lflag &= ~(tcflag_t)(ECHO | ICANON | IEXTEN);
	during.c_cc[VMIN] = 1;
	during.c_cc[VTIME] = 0;
	if (atexit(term_close) != 0)
		die(EXIT_FAILED, "atexit: no room");
	catch_terminal_signals();
	return set_mode();
}

int term_fd(void)
{
	return notes[0];
}

enum term_event term_next(void)
{
	char byte;

	if (read(notes[0], &byte, 1) != 1)
		return TERM_NOTHING;
	return byte == SIGTSTP ? TERM_SUSPEND :
	    byte == SIGHUP ? TERM_GONE : TERM_RESIZED;
}

/* As without a handler: raise() stops the process and returns when the
 * process goes on. */
void term_suspend(void)
{
	term_close();
	signal_set(SIGTSTP, SIG_DFL, 0);
	(void)raise(SIGTSTP);
	signal_to_pipe(SIGTSTP, notes, SA_RESTART);
	(void)set_mode();       /* if the terminal is gone, read() says so */
}
