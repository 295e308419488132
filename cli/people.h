/* The names of people whom the server knows with the user: contacts and conversations, kept in a file beside the database so that completing a name
 * need not wait. Names only, one a line, behind a line with server and user; mode 0600. */
#ifndef CHAT_CLI_PEOPLE_H
#define CHAT_CLI_PEOPLE_H
#include "cli/verb.h"

enum { PEOPLE_MAX = 2000 };

/* fn for each name that is kept; answers 0 to go on. Nothing when they are another user's. */
void people_each(const struct cli *c, int (*fn)(void *ctx, const char *name), void *ctx);
/* Are those that are kept older than a minute, or another user's? */
bool people_are_old(const struct cli *c);
/* Asks the server, and keeps what it says; within c's deadline, without a word. What cannot be had now is not asked for again within a minute. */
void people_refresh(struct cli *c);
#endif
