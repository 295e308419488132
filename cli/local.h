/* What chatctl keeps on this machine: the database of the context, opened when a verb first needs it. */
#ifndef CHAT_CLI_LOCAL_H
#define CHAT_CLI_LOCAL_H
#include "cli/verb.h"
#include "common/client/outbox.h"
#include <cjson/cJSON.h>

/* The database; made when it is missing. NULL, after a message when the command cannot do without (must). */
struct client_db *local_db(struct cli *c, bool must);
/* Removes what is kept for the context of that name, unless something unsent waits in it (then not without force) or another process is at work with it.
 * An exit code after a message; EXIT_DONE also when there is nothing. */
int local_remove(struct cli *c, bool force);
/* A message object of the server, borrowed. */
struct client_message local_message(const cJSON *m);
/* Keeps a message, or an array of them, for search. Never fails a command that has done its work. */
void local_keep(struct cli *c, const cJSON *messages);
/* Keeps what was sent; answer: the server's. */
void local_sent(struct cli *c, const char *to, struct str text, const cJSON *answer);
/* Sends what waits, before anything else. One try: what fails is left for later without a word. */
void local_flush_first(struct cli *c);
/* Sends what waits, with retries within --timeout; refusals are said on stderr. */
enum outbox_end local_flush(struct cli *c, struct outbox_report *report);
/* Do messages to that user, or to anybody (NULL), wait? What is sent to them goes behind. */
bool local_waits(struct cli *c, const char *to);
#endif
