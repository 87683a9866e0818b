/* term.h: the terminal's mode while a line is edited. The old mode comes back
 * however the process ends: at exit, at ^Z, and at every signal that can be
 * caught. There is one terminal, so there is one of these. */
#ifndef TERM_H
#define TERM_H

/* 0, or -1: stdin and stdout are not both a terminal whose cursor can be
 * moved. From then on each character is read at once, not echoed and not
 * changed; ^C, ^\ and ^Z still make signals; pasted text comes between
 * TERM_PASTE_BEGIN and TERM_PASTE_END, if the terminal can do that. */
int term_open(void);
void term_close(void);

/* Styles of text. */
#define TERM_DIM     "\033[2m"
#define TERM_BOLD    "\033[1m"
#define TERM_REVERSE "\033[7m"
#define TERM_PLAIN   "\033[0m"

#define TERM_PASTE_BEGIN "\033[200~"
#define TERM_PASTE_END   "\033[201~"

enum term_event {
	TERM_NOTHING,
	TERM_RESIZED,
	TERM_SUSPEND,   /* ^Z: clear what is drawn, call term_suspend() */
	TERM_GONE
};

/* To be polled for input; then term_next() until TERM_NOTHING. */
int term_fd(void);
enum term_event term_next(void);
/* Stops the process; returns when it goes on. */
void term_suspend(void);

#endif
