/* chatd as a whole: builds the parts in order, serves until it is told to end, drains, takes the parts down again. */
#ifndef CHAT_SERVER_H
#define CHAT_SERVER_H
#include "server/config.h"

/* An exit code: 0 ended by a signal and drained; 1 could not start or could not go on. Called once, from main's thread. argc and argv for SIGHUP. */
int server_run(struct config *c, int argc, char **argv);
/* chatd invite --data DIR: prints a code that registers one account. An exit code. */
int server_invite(struct config *c);
#endif
