/* The operators' interface of a chatd (/admin/… in doc/openapi.json), as chatctl uses it: where it is, the token, one call. It is named by --admin,
 * CHAT_ADMIN or the context's admin: chatd's data directory, which holds socket and token; the socket, beside which the token is; or a URL. */
#ifndef CHAT_CLI_ADMIN_H
#define CHAT_CLI_ADMIN_H
#include "cli/out.h"

/* The options of every verb that calls it, to be named in their tables. The verb needs NEED_CONTEXT. */
#define ADMIN_OPTIONS                                                                                                  \
	{"admin", 0, "WHERE", "chatd's data directory, its admin socket or the admin URL (CHAT_ADMIN)", COMPLETE_FILE, \
		false},                                                                                                \
	{                                                                                                              \
		"admin-token-file", 0, "FILE",                                                                         \
			"the admin token, when it is not beside the socket (CHAT_ADMIN_TOKEN_FILE)", COMPLETE_FILE,    \
			false                                                                                          \
	}
/* Of what cannot be taken back. */
#define YES_OPTION                                                                          \
	{                                                                                   \
		"yes", 'y', NULL, "do not ask; needed off a terminal", COMPLETE_NONE, false \
	}

struct admin_place {
	char socket[512];     /* empty: by url */
	char url[512];        /* its base; behind a socket it stands for nothing */
	char token_file[544]; /* empty: it must be named */
};
/* where: what the operator named. 0, or -1 with why. Looks at the file system, opens nothing. */
int admin_place(const char *where, const char *token_file, struct admin_place *out, char why[600]);

/* One call with retries, as cli_request() does it; the first one finds and opens the interface. It leaves c->http, the user's own connection, alone. */
int admin_request(struct cli *c, const char *method, const char *path, const struct str *body, bool again, bool silent,
	struct http_answer *a);
/* The JSON of a GET, an array or an object; NULL after a message, *rc says why. next may be NULL: the cursor of the next page, or empty. */
cJSON *admin_get(struct cli *c, const char *path, bool array, char next[65], int *rc);
/* A call that changes something; body may be NULL, and is freed. `would` is what -n prints in its place, behind "would ". *answer, when it is not NULL: the
 * object of the answer, or NULL where there is none. An exit code. */
int admin_change(struct cli *c, const char *method, const char *path, cJSON *body, const char *would, cJSON **answer);
/* Asks on the terminal: "QUESTION [y/N] ". EXIT_DONE; else what was asked about is not done, and it was said. */
int admin_confirm(struct cli *c, const char *question);
/* A word of a verb that has several (user add …): the row that fits, or a message that shows usage. */
struct admin_word {
	const char *word;
	int min, max; /* arguments, the word included */
	int (*run)(struct cli *c);
};
/* at: which argument is the word. */
int admin_words(struct cli *c, int at, const struct admin_word *words, size_t n, const char *usage);
/* EXIT_USAGE after a message when it is no user name. */
int admin_user(const char *name);
#endif
