/* What chatd counts, each named once with its help text: Prometheus text format (version 0.0.4), and the same names as JSON for operators. Any thread;
 * relaxed atomics, so a reader may see one counter a little ahead of another.
 *
 * Times go into log-linear buckets, eight to each doubling: a percentile is its bucket's upper bound, so at most 12.5 % more than the true value, and never less. */
#ifndef CHAT_OPS_METRICS_H
#define CHAT_OPS_METRICS_H
#include "common/base/buf.h"
#include "common/base/err.h"
#include <stdatomic.h>
#include <stdint.h>

/* name, type, help */
#define METRIC_COUNTERS(X)                                                                                          \
	X(SOCKETS_OPENED, "chat_sockets_opened_total", "counter", "WebSockets upgraded")                            \
	X(SOCKETS, "chat_sockets", "gauge", "WebSockets open now")                                                  \
	X(MESSAGES, "chat_messages_total", "counter", "Messages made durable")                                      \
	X(MARKS, "chat_marks_total", "counter", "Delivered and read marks made durable")                            \
	X(COMMITS, "chat_commits_total", "counter", "Commits: one write and one fdatasync each")                    \
	X(JOURNAL_BYTES, "chat_journal_bytes_total", "counter", "Bytes of records made durable")                    \
	X(SENDS_REFUSED, "chat_sends_refused_total", "counter", "Sends answered with an error")                     \
	X(SENDS_REPEATED, "chat_sends_repeated_total", "counter",                                                   \
		"Sends with a client_id seen before: the first answer again")                                       \
	X(EVENTS_PUSHED, "chat_events_pushed_total", "counter", "Stream events written to WebSockets as they came") \
	X(EVENTS_REPLAYED, "chat_events_replayed_total", "counter",                                                 \
		"Stream events written to WebSockets from the store")                                               \
	X(RESUMES, "chat_resumes_total", "counter", "Hellos whose cursor was known: resumed without a gap")         \
	X(RESUMES_UNKNOWN, "chat_resumes_unknown_total", "counter", "Hellos whose cursor was not known")            \
	X(CATCH_UPS, "chat_catch_ups_total", "counter", "Times a socket fell behind and went on from the store")    \
	X(LOGINS, "chat_logins_total", "counter", "Logins")                                                         \
	X(LOGINS_FAILED, "chat_logins_failed_total", "counter", "Logins refused")

/* name, help; all in microseconds inside, in seconds outside */
#define METRIC_TIMES(X)                                                                                    \
	X(QUEUE_TIME, "chat_queue_seconds",                                                                \
		"From handing over the oldest batch of a commit to taking up the commit's first op")       \
	X(COMMIT_TIME, "chat_commit_seconds", "From taking up the first op of a commit to its durability") \
	X(PUSH_TIME, "chat_push_seconds", "From a commit's durability to its events in the sockets' buffers")

enum metric_counter {
#define METRIC_ENUM(name, text, type, help) METRIC_##name,
	METRIC_COUNTERS(METRIC_ENUM)
#undef METRIC_ENUM
		METRIC_COUNTER_COUNT
};
enum metric_time {
#define METRIC_ENUM(name, text, help) METRIC_##name,
	METRIC_TIMES(METRIC_ENUM)
#undef METRIC_ENUM
		METRIC_TIME_COUNT
};

enum { METRIC_SUB = 8, METRIC_BUCKETS = 240 /* up to 2^32 us */, STATUS_MAX = 600 };
struct metrics {
	_Atomic int64_t counter[METRIC_COUNTER_COUNT];
	_Atomic uint64_t answer[STATUS_MAX]; /* by HTTP status */
	_Atomic uint64_t refusal[ERR_COUNT]; /* by code, over HTTP and WebSocket */
	struct {
		_Atomic uint64_t bucket[METRIC_BUCKETS], sum_us, max_us;
	} time[METRIC_TIME_COUNT];
};
static inline void metric_add(struct metrics *m, enum metric_counter c, int64_t n)
{
	atomic_fetch_add_explicit(&m->counter[c], n, memory_order_relaxed);
}
void metric_time(struct metrics *m, enum metric_time t, uint64_t us);
void metric_answer(struct metrics *m, int status, enum err e); /* e: OK when it is none */
void metric_refusal(struct metrics *m, enum err e);            /* an error frame */
/* The highest value of the bucket in which the share (0 to 1) of the samples is reached; 0 when there is none. */
uint64_t metric_percentile(struct metrics *m, enum metric_time t, double share);
void metrics_write(struct metrics *m, struct buf *out);
/* "counters":{name:n,…},"times":{name:{"count",…},…} */
void metrics_write_json(struct metrics *m, struct buf *out);
#endif
