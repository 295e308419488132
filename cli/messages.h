/* What several verbs do with messages over REST. */
#ifndef CHAT_CLI_MESSAGES_H
#define CHAT_CLI_MESSAGES_H
#include "cli/out.h"

/* The JSON of an answer that says that it went well, an array or an object. NULL after a message: whoever answered was no chatd. */
cJSON *answer_json(const struct http_answer *a, bool array);

/* Walks the unread messages, page by page. fn answers 0 to go on. from: one sender, or NULL. limit: messages of a page; pages: at most (0: all).
 * An exit code; *next: the cursor behind the last page when there is more, else empty. */
struct unread_walk {
	const char *from, *after;
	unsigned limit, pages;
	int (*fn)(void *ctx, const cJSON *message);
	void *ctx;
	char next[65];
};
int unread_walk(struct cli *c, struct unread_walk *w);

/* Turns what was typed into an id: an exact one stays; a part of 6 or more characters is looked for among the unread messages and those that this machine
 * has seen, of one conversation when with is not NULL. 0, or an exit code after a message. */
int message_id(struct cli *c, const char *typed, const char *with, char out[65]);
/* PATCH {"read":true}. An exit code; said on stderr. */
int message_mark(struct cli *c, const char *id);
/* Marks what that user sent, up to that message. An exit code; the answer is for the caller to release. */
int message_mark_up_to(struct cli *c, const char *with, const char *id, struct http_answer *a);
/* Calls fn for each line of stdin, without its newline; empty ones are left out. Goes on after a failure; the exit code of all: 0, the one code when all
 * failed alike, else EXIT_PARTLY. */
int each_line(struct cli *c, int (*fn)(struct cli *c, const char *line));
/* The same for the arguments. */
int each_arg(struct cli *c, int (*fn)(struct cli *c, const char *arg));
/* --since as milliseconds: a date, a time, or how long ago; untouched when it was not given. EXIT_DONE, or EXIT_USAGE after a message. */
int cli_since(const struct cli *c, uint64_t *ms);
bool message_since(const cJSON *message, uint64_t since_ms); /* was it sent since then? */
#endif
