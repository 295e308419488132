/* The line mode: the same functions without a screen, for dumb terminals and screen readers. */
#ifndef CHAT_TUI_PLAIN_H
#define CHAT_TUI_PLAIN_H
#include "tui/app.h"

/* Runs until the end of input or /quit; a has been opened. An exit status. */
int plain_run(struct app *a, int signals);
#endif
