/* What a run measures, each thing once: the driver fills these in, thresholds and reports name them. Times are microseconds. */
#ifndef CHAT_BENCH_METRIC_H
#define CHAT_BENCH_METRIC_H
#include "common/base/str.h"
#include <stdint.h>

/* One histogram each. All but -service, lag, connect and catchup count from the intended moment, so a stall of the server counts in full. */
#define BENCH_TIMINGS(X)                                                    \
	X(CONNECT, "connect", "connecting, to the socket's welcome")        \
	X(ACK, "ack", "a send, to its answer")                              \
	X(ACK_SERVICE, "ack-service", "a send, from when it was written")   \
	X(E2E, "e2e", "a send, to the recipient's socket")                  \
	X(E2E_SERVICE, "e2e-service", "the same, from when it was written") \
	X(RECEIPT, "receipt", "a send, to its delivered receipt")           \
	X(LIST, "list", "listing unread messages, to the answer")           \
	X(READ, "read", "reading one message, to the answer")               \
	X(MARK, "mark", "marking as read, to the answer")                   \
	X(CATCHUP, "catchup", "a reconnect's welcome, to live")             \
	X(LAG, "lag", "the generator itself: intended moment to written")

enum timing {
#define X(name, word, help) TIMING_##name,
	BENCH_TIMINGS(X)
#undef X
		TIMINGS
};

/* Plain numbers: counts over the whole run unless it says otherwise; shares are 0 to 1. INTEGRITY_* come from the ledger, the derived ones
 * from results_finish() (cli/bench/verdict.h). */
#define BENCH_COUNTS(X)                                                                          \
	X(INTENDED, "sends.intended", "sends that the scenario wanted")                          \
	X(SENT, "sends.sent", "sends written")                                                   \
	X(ACKED, "sends.acked", "sends that were answered with an id")                           \
	X(PUSHED, "sends.pushed", "first arrivals at a recipient's socket")                      \
	X(RESENT, "sends.resent", "sent again with the same id for want of an answer")           \
	X(LATE, "sends.late", "sends written late while their socket was writable")              \
	X(CALLS, "calls", "lists, reads, marks and typing")                                      \
	X(ERR_REFUSED, "errors.refused", "answers that refuse: 4xx but 429, error frames")       \
	X(ERR_BUSY, "errors.busy", "answers 429, 503, 507")                                      \
	X(ERR_NETWORK, "errors.network", "connections that failed or broke, faults not counted") \
	X(ERR_TIMEOUT, "errors.timeout", "no answer in time")                                    \
	X(RECONNECTS, "reconnects", "connections made again")                                    \
	X(REPLAYED, "replayed", "pushes that came again after a hello, as they may")             \
	X(LOST, "integrity.lost", "acknowledged, and not in history or never pushed")            \
	X(DUP, "integrity.dup", "two ids for one payload, or pushed twice")                      \
	X(REORDER, "integrity.reorder", "overtaken by a later one")                              \
	X(CORRUPT, "integrity.corrupt", "wrong checksum, or at the wrong user")                  \
	X(UNKNOWN, "integrity.unknown", "sent, and never answered")                              \
	X(UNREAD, "integrity.unread", "pairs whose history could not be read back whole")        \
	X(SECONDS, "seconds", "length of what was measured")                                     \
	X(BUSY, "busy", "the busiest loop's share of a processor")                               \
	X(ERR_ALL, "errors.all", "all errors")                                                   \
	X(ERR_SHARE, "errors.share", "errors among all sends and calls")                         \
	X(LATE_SHARE, "sends.late-share", "late ones among the sends")                           \
	X(RATE_INTENDED, "rate.intended", "sends a second wanted")                               \
	X(RATE_ACKED, "rate.acked", "sends a second answered")                                   \
	X(RATE_PUSHED, "rate.pushed", "first arrivals a second")

enum count {
#define X(name, word, help) COUNT_##name,
	BENCH_COUNTS(X)
#undef X
		COUNTS
};

enum unit { UNIT_COUNT, UNIT_TIME, UNIT_SHARE, UNIT_RATE };
enum statistic { STAT_NONE, STAT_PERCENTILE, STAT_MEAN, STAT_MAX, STAT_COUNT };

/* One number of a run: a count, or a statistic of a timing. */
struct metric {
	enum statistic stat; /* STAT_NONE: counts[index] */
	unsigned index;      /* of a timing or a count */
	double percent;      /* of STAT_PERCENTILE */
	enum unit unit;
};

const char *timing_word(enum timing t);
const char *timing_help(enum timing t);
const char *count_word(enum count c);
const char *count_help(enum count c);
/* "e2e.p99", "ack.p99.9", "list.mean", "lag.max", "mark.count", "integrity.lost". 0 or -1. */
int metric_parse(struct str word, struct metric *out);
void metric_name(const struct metric *m, char out[64]);
#endif
