/* A whole terminal for a while: the alternate screen, no echo, keys as they come. It is given back on every end: screen_close(), signals, crashes, Ctrl-Z.
 * One at a time. */
#ifndef CHAT_CLI_SCREEN_H
#define CHAT_CLI_SCREEN_H
#include "common/base/buf.h"

/* Can there be one: is stdout a terminal, and no dumb one? */
bool screen_possible(void);
bool screen_utf8(void); /* does the locale say that the terminal shows UTF-8 */
int screen_open(void);  /* 0; -1: no terminal */
void screen_close(void);
void screen_size(unsigned *width, unsigned *height);
void screen_show(struct str lines); /* parted by newlines, not more than fit */
/* Waits up to ms, less when the size changes. A key; 0: none; -signal: one came that ends the program. */
int screen_wait(unsigned ms);
#endif
