/* What a run shows on stderr while it goes on: one line drawn over itself on a terminal, a plain line every few seconds off one, nothing when quiet. */
#ifndef CHAT_CLI_BENCH_PROGRESS_H
#define CHAT_CLI_BENCH_PROGRESS_H
#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool quiet, tty, drawn;
	unsigned columns;
	uint64_t last; /* ns, monotonic */
};
/* What there is to say; rates a second and latencies of the time since the last one. */
struct progress_now {
	const char *phase; /* "connecting", a phase's word, "reading history" */
	double done;       /* of all, 0 to 1; negative: not known, then no bar */
	double wanted, acked;
	double e2e_p50_us, e2e_p99_us; /* 0: none */
	uint64_t errors;
	unsigned sockets;
};
void progress_init(struct progress *p, bool quiet);
/* Whether it is time for another one. */
bool progress_due(const struct progress *p, uint64_t now);
void progress_show(struct progress *p, uint64_t now, const struct progress_now *what);
/* Takes the line away, so that something else may be said. */
void progress_clear(struct progress *p);
#endif
