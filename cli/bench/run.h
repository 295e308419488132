/* From a scenario to its results: accounts, the drive, accounts away again. Prints nothing but progress and errors; what the results mean and where they are
 * written is the caller's. */
#ifndef CHAT_CLI_BENCH_RUN_H
#define CHAT_CLI_BENCH_RUN_H
#include "cli/admin.h"
#include "cli/bench/verdict.h"

/* The options of whoever calls bench_drive(). */
#define BENCH_RUN_OPTIONS                                                                                            \
	ADMIN_OPTIONS,                                                                                               \
		{"accounts", 0, "FILE", "lines \"USER TOKEN\" in place of accounts made for the run", COMPLETE_FILE, \
			false},                                                                                      \
	{                                                                                                            \
		"i-own-this-server", 0, NULL, "load a server that is not on this machine", COMPLETE_NONE, false      \
	}

/* folder: where a payload's file is looked for. EXIT_DONE: *r is filled in and finished (release it), also after an interrupt; else an exit code after a
 * message: *r holds nothing, its timings are NULL, unless only the accounts
 * could not be removed. */
int bench_drive(struct cli *c, const struct scenario *s, const char *folder, struct results *r);
bool bench_was_interrupted(void);
/* The scenario of bench quick: so many pairs in a ring, one socket each, at one rate. */
void bench_quick(struct scenario *s, unsigned pairs, double rate, uint64_t us);
#endif
