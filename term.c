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
static volatile sig_atomic_t changed;
static int notes[2] = { -1, -1 };

/* Called from signal handlers too: nothing here that may not be. */
void term_close(void)
{
	if (!changed)
		return;
	changed = 0;
	(void)!write(STDOUT_FILENO, PASTE_OFF, sizeof PASTE_OFF - 1);   /* it may be gone */
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

static int set_mode(void)
{
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &during) == -1)
		return -1;
	changed = 1;
	(void)!write(STDOUT_FILENO, PASTE_ON, sizeof PASTE_ON - 1);     /* reading says it too */
	return 0;
}

static void on_fatal(int number)
{
	term_close();
	(void)raise(number);    /* SA_RESETHAND: now it has its usual effect */
}

static void catch_signals(void)
{
	static const int fatal[] = {
		SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL
	};
	static const int note[] = { SIGWINCH, SIGTSTP, SIGHUP };

	signal_pipe(notes);
	for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
		signal_set(fatal[i], on_fatal, (int)(SA_RESETHAND | SA_NODEFER));
	for (size_t i = 0; i < sizeof note / sizeof *note; i++)
		signal_to_pipe(note[i], notes, SA_RESTART);
}

int term_open(void)
{
	const char *term = getenv("TERM");

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || term == NULL || *term == '\0' ||
	    strcmp(term, "dumb") == 0 || tcgetattr(STDIN_FILENO, &before) == -1)
		return -1;
	during = before;
	during.c_iflag &= ~(tcflag_t)(BRKINT | ICRNL | INLCR | IGNCR | INPCK | ISTRIP | IXON);
	during.c_lflag &= ~(tcflag_t)(ECHO | ICANON | IEXTEN);
	during.c_cc[VMIN] = 1;
	during.c_cc[VTIME] = 0;
	if (atexit(term_close) != 0)
		die(EXIT_FAILED, "atexit: no room");
	catch_signals();
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
	return byte == SIGTSTP ? TERM_SUSPEND : byte == SIGHUP ? TERM_GONE : TERM_RESIZED;
}

/* As if there were no handler: the process stops inside raise() and goes on from there. */
void term_suspend(void)
{
	term_close();
	signal_set(SIGTSTP, SIG_DFL, 0);
	(void)raise(SIGTSTP);
	signal_to_pipe(SIGTSTP, notes, SA_RESTART);
	(void)set_mode();       /* the terminal may be gone: reading it will say so */
}
