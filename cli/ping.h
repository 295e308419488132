/* server ping: how long the server takes to answer, over HTTP and, with a login, over a WebSocket. */
#ifndef CHAT_CLI_PING_H
#define CHAT_CLI_PING_H
#include "cli/verb.h"

int ping_run(struct cli *c); /* needs the context's server; an exit code */
#endif
