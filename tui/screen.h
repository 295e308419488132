/* The terminal: opening, drawing a grid on it, giving it back on every way out. With input.h the only user of curses. One thread; one terminal: its state is the
 * file's own. */
#ifndef CHAT_TUI_SCREEN_H
#define CHAT_TUI_SCREEN_H
#include "tui/grid.h"

/* On stdin and stdout; setlocale() before. A crash gives the terminal back too. 0; -1: it cannot be used like this (why). */
int screen_open(char why[256]);
void screen_close(void); /* as it was; may be called twice */
void screen_looks(const struct theme *t, bool mouse);
/* Draws; sends the terminal what differs from what it shows. */
void screen_draw(const struct grid *g);
void screen_redraw(void); /* all of it the next time */
void screen_size(int *rows, int *cols);
void screen_bell(void);
/* Sets the terminal's clipboard (OSC 52). 0; -1: too long for that. */
int screen_copy(struct str text);
/* Gives the terminal to somebody else, and takes it again. */
void screen_leave(void);
void screen_return(void);
/* Can it show what the locale's encoding promises? */
bool screen_is_utf8(void);
#endif
