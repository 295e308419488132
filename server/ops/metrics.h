/* What chatd counts, each named once with its help text: Prometheus text format (version 0.0.4). Any thread; relaxed atomics, so a reader may see
 * one counter a little ahead of another. */
#ifndef CHAT_OPS_METRICS_H
#define CHAT_OPS_METRICS_H
#include "common/base/buf.h"
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
	X(LOGINS_FAILED, "chat_logins_failed_total", "counter", "Logins refused")                                   \
	X(HTTP_2XX, "chat_http_answers_2xx_total", "counter", "HTTP answers of class 2xx")                          \
	X(HTTP_4XX, "chat_http_answers_4xx_total", "counter", "HTTP answers of class 4xx")                          \
	X(HTTP_5XX, "chat_http_answers_5xx_total", "counter", "HTTP answers of class 5xx")

/* name, help; all in microseconds inside, in seconds outside */
#define METRIC_TIMES(X)                                                                                    \
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

enum { METRIC_BUCKETS = 16 };
struct metrics {
	_Atomic int64_t counter[METRIC_COUNTER_COUNT];
	struct {
		_Atomic uint64_t bucket[METRIC_BUCKETS + 1], sum_us;
	} time[METRIC_TIME_COUNT];
};
static inline void metric_add(struct metrics *m, enum metric_counter c, int64_t n)
{
	atomic_fetch_add_explicit(&m->counter[c], n, memory_order_relaxed);
}
void metric_time(struct metrics *m, enum metric_time t, uint64_t us);
void metrics_write(struct metrics *m, struct buf *out);
#endif
