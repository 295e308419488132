/* The first screens: which server, an account or a new one, the password. They wait for the server, so nothing else runs meanwhile. */
#ifndef CHAT_TUI_SETUP_H
#define CHAT_TUI_SETUP_H
#include "common/client/profile.h"
#include "tui/settings.h"

/* On the open screen. p: what is known of the context; saved when it worked. again: only the password is asked for, for the login that p has. 0; 1: the user
 * gave up; -1: with why. */
int setup_run(struct profile *p, bool again, char why[256]);
#endif
