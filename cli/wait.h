/* send --wait: until the other side has it. */
#ifndef CHAT_CLI_WAIT_H
#define CHAT_CLI_WAIT_H
#include "cli/verb.h"

enum wait_state { WAIT_NOT, WAIT_SENT, WAIT_DELIVERED, WAIT_READ };
/* --wait's word. EXIT_DONE, or EXIT_USAGE after a message. */
int wait_parse(const struct cli *c, enum wait_state *out);
/* Until the message that I sent to `to` is delivered or read, or the time is over (EXIT_TIMEOUT, said). */
int wait_for(struct cli *c, const char *id, const char *to, enum wait_state state);
#endif
