/* How much a live server carries: short runs at rising rates, doubled until one is too much, then the middle between the last good and the first bad. A rate is good
 * when nearly all was answered, end to end p99 within the limit, integrity whole, and the generator not the limit itself. */
#ifndef CHAT_CLI_BENCH_KNEE_H
#define CHAT_CLI_BENCH_KNEE_H
#include "cli/verb.h"

#define KNEE_P99_US 100000.0
/* EXIT_DONE: *rate, messages a second, is the greatest good one; else an exit code after a message. Says each step on stderr. */
int knee_find(struct cli *c, double *rate);
#endif
