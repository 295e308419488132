/* What watch does with a message: print it or run a command, then, only then, remember that it is done with, and mark it. With --durable the place in the
 * stream is on disk. */
#ifndef CHAT_CLI_WORKER_H
#define CHAT_CLI_WORKER_H
#include "cli/out.h"
#include <stdint.h>

struct worker {
	struct cli *cli;
	struct out *out;
	const char *with, *command, *name; /* name of the durable watch, or NULL */
	unsigned count, tries;             /* count: end after so many; 0: never */
	unsigned done;                     /* messages handled by this run */
	bool mark, until_empty;
	int64_t watch;
	int lock;
	char cursor[65]; /* where it was when it began */
	bool at_cursor;  /* all before the stream's cursor is done with */
	int failed;      /* exit code that ends the watch */
};

/* From the options. EXIT_DONE, or an exit code after a message. */
int worker_begin(struct worker *w, struct cli *c, struct out *out);
/* At the beginning of each connection. When the server does not know where this watch was, it goes on from the unread messages. 1: the watch ends. */
int worker_welcome(struct worker *w, const cJSON *event);
/* A message to us; cursor: behind it. 1: the watch ends. */
int worker_handle(struct worker *w, const cJSON *message, const char *cursor);
/* All events up to the cursor have been seen. 1: the watch ends. */
int worker_live(struct worker *w, const char *cursor);
void worker_end(struct worker *w, const char *cursor);
#endif
