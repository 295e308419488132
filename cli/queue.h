/* send by way of the outbox: on disk first, then to the server when it can be reached. */
#ifndef CHAT_CLI_QUEUE_H
#define CHAT_CLI_QUEUE_H
#include "cli/out.h"

/* Puts a message into the outbox and flushes. EXIT_DONE: the server has it. EXIT_QUEUED: it waits on disk. Else it was refused; said on stderr. */
int queue_send(struct cli *c, struct out *out, const char *to, struct str text, const char *client_id);
/* The same for one of many: EXIT_DONE once it is on disk. While the server cannot be reached, it is not tried for each. */
int queue_line(
	struct cli *c, struct out *out, const char *to, const char *kind, struct str text, const char *client_id);
/* After the last line: tries once more; the exit code of all. */
int queue_end(struct cli *c, int rc);
/* On stderr: that nothing is sent until something flushes the outbox. */
void queue_say_waiting(const struct cli *c);
#endif
