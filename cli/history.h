/* list --all: what was sent to me, read or not, over all conversations or one. The server has a list a conversation; here they become one. */
#ifndef CHAT_CLI_HISTORY_H
#define CHAT_CLI_HISTORY_H
#include "cli/out.h"

struct history {
	const char *with;  /* one conversation, or NULL */
	const char *after; /* id of a message: what came after it; or NULL */
	uint64_t since_ms; /* 0: no bound */
	unsigned limit;    /* 0: all. With after or since the oldest of them, else the newest */
	bool cut;          /* there are more */
	char last[65];     /* id of the last one shown, for the next after */
};
/* Shows them, the oldest first. An exit code. */
int history_show(struct cli *c, struct out *out, struct history *h);
#endif
