/* The people of a run: accounts made by the operators' interface for this run and removed after it, or those of a file. */
#ifndef CHAT_CLI_BENCH_ACCOUNTS_H
#define CHAT_CLI_BENCH_ACCOUNTS_H
#include "cli/verb.h"

struct account {
	char name[33], token[72];
};
struct accounts {
	struct account *list;
	unsigned n;
	char run[65]; /* what removes them again; empty: they are not ours */
};
/* n accounts. file NULL: made by the operators' interface, named from prefix. EXIT_DONE, or an exit code after a message. */
int accounts_get(struct cli *c, struct accounts *a, const char *file, const char *prefix, unsigned n);
/* Removes what accounts_get() made, and frees. */
int accounts_release(struct cli *c, struct accounts *a);
#endif
