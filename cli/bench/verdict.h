/* What a run measured, and what that means. The driver fills in struct results; results_finish() derives the rest; results_judge() says how it ends. Pure. */
#ifndef CHAT_BENCH_VERDICT_H
#define CHAT_BENCH_VERDICT_H
#include "cli/bench/ledger.h"
#include "common/hist/hist.h"

/* Exit codes: integrity wins over an invalid run, which wins over a missed threshold. */
enum bench_exit { BENCH_OK = 0, BENCH_INVALID = 97, BENCH_INTEGRITY = 98, BENCH_THRESHOLD = 99 };
#define BENCH_LATE_MAX 0.01 /* share of the sends that the generator may be late with while the socket was writable */
#define BENCH_BUSY_MAX 0.90 /* share of a processor that its busiest loop may use */
enum {
	BENCH_LATE_US = 10000
}; /* a send is late when it is written so long after its moment, the socket being writable */

/* What a second of the run was like. Percentiles are microseconds, of that second alone. */
struct second {
	double at;                                           /* its start, seconds since the run's start */
	double intended, sent, acked, pushed, errors, calls; /* counts in it */
	double ack_p50, ack_p99, e2e_p50, e2e_p99, e2e_max, lag_p99;
	double sockets, busy; /* connected at its end; the busiest loop's share of a processor */
};
enum { SERIES_MAX = 7 * 86400 };

/* Measured over the phases ramp and steady: what was intended in a warm-up or drain is not in the histograms and rates. Integrity is of all of it. */
struct results {
	const struct scenario *scenario;
	struct hist *timings;  /* TIMINGS of them */
	double counts[COUNTS]; /* see BENCH_COUNTS: the driver sets INTENDED to RECONNECTS, SECONDS and BUSY */
	struct ledger_verdict ledger;
	struct second *series;
	unsigned n_series, cap_series;
	uint32_t run;
	uint64_t started_ms; /* wall clock */
	bool interrupted;    /* ended early; judged over what there is */
};
int results_init(struct results *r, const struct scenario *s); /* 0; -1 out of memory */
void results_release(struct results *r);
int results_add_second(struct results *r, const struct second *row); /* 0; -1 out of memory or full */
/* Integrity from the ledger's verdict, sums, shares and rates from the counts. */
void results_finish(struct results *r);
double results_value(const struct results *r, const struct metric *m); /* in the metric's unit */
/* Whether there is anything to judge by: a percentile of nothing is not "below 50 ms". */
bool results_has(const struct results *r, const struct metric *m);

struct judged {
	enum bench_exit code;
	const char *word; /* "PASSED", "INVALID", "INTEGRITY", "THRESHOLD" */
	char why[160];    /* one sentence */
	struct {
		const struct threshold *t;
		double value;
		bool measured, met;
	} thresholds[SCENARIO_THRESHOLDS];
	unsigned n;
};
/* A threshold on what was never measured is missed. */
void results_judge(const struct results *r, struct judged *j);
/* 12.3 ms, 5,000/s, 1.2 %, 17: for people. */
void value_text(enum unit unit, double value, char out[32]);
#endif
