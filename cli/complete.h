/* What a command line may go on with: commands, options, their values, arguments, from the verbs' tables, the context's database and the names that the
 * server knows. Used by the shells' completions and by chatctl shell. Says nothing on stderr. */
#ifndef CHAT_CLI_COMPLETE_H
#define CHAT_CLI_COMPLETE_H
#include "cli/verb.h"

struct completion {
	const char *const *words; /* behind "chatctl", the last one is to be completed and may be empty; at least one */
	int n;
	bool ask; /* the server too, for names, when those that are kept are old; within half a second */
	void (*word)(void *ctx, const char *word, const char *help); /* help may be NULL; a word may come twice */
	void *ctx;
};
/* true: the name of a file fits here, too. c: nothing but the profile's context need be chosen (cli_context); -c among the words is heeded. */
bool complete_line(struct cli *c, const struct completion *q);
#endif
