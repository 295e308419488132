/* What top shows: from two answers of GET /admin/stats to figures of the time between them, and from these to a screen. Rates and percentiles are those of
 * the interval: differences of counters, and of the buckets of the histograms that the answer holds (an eighth of a doubling wide, so a percentile is at
 * most 12.5 % too high). Pure. */
#ifndef CHAT_CLI_TOP_H
#define CHAT_CLI_TOP_H
#include "cli/table.h"

/* key in JSON, csv and tsv; where it comes from; names of counters, of the gauge or of the histogram */
#define FIGURES(X)                                                                                                    \
	X(LIVE, "connections_live", GAUGE, "connections_live")                                                        \
	X(CATCHING_UP, "connections_catching_up", GAUGE, "connections_catching_up")                                   \
	X(LAGGING, "connections_lagging", GAUGE, "connections_lagging")                                               \
	X(HANDSHAKE, "connections_handshake", GAUGE, "connections_handshake")                                         \
	X(HTTP, "connections_http", GAUGE, "connections_http")                                                        \
	X(RECEIVED, "received_per_s", RATE, "chat_messages_total chat_sends_refused_total chat_sends_repeated_total") \
	X(DURABLE, "durable_per_s", RATE, "chat_messages_total")                                                      \
	X(PUSHED, "pushed_per_s", RATE, "chat_events_pushed_total")                                                   \
	X(REPLAYED, "replayed_per_s", RATE, "chat_events_replayed_total")                                             \
	X(REFUSED, "refused_per_s", RATE, "chat_sends_refused_total")                                                 \
	X(COMMITS, "commits_per_s", RATE, "chat_commits_total")                                                       \
	X(ANSWERS_2XX, "answers_2xx_per_s", CODES, "chat_http_answers_total{code=2")                                  \
	X(ANSWERS_4XX, "answers_4xx_per_s", CODES, "chat_http_answers_total{code=4")                                  \
	X(ANSWERS_5XX, "answers_5xx_per_s", CODES, "chat_http_answers_total{code=5")                                  \
	X(QUEUE_P50, "queue_p50_us", P50, "chat_queue_seconds")                                                       \
	X(QUEUE_P99, "queue_p99_us", P99, "chat_queue_seconds")                                                       \
	X(COMMIT_P50, "commit_p50_us", P50, "chat_commit_seconds")                                                    \
	X(COMMIT_P99, "commit_p99_us", P99, "chat_commit_seconds")                                                    \
	X(PUSH_P50, "push_p50_us", P50, "chat_push_seconds")                                                          \
	X(PUSH_P99, "push_p99_us", P99, "chat_push_seconds")                                                          \
	X(QUEUE_DEPTH, "queue_depth", GAUGE, "queue_depth")                                                           \
	X(QUEUE_BYTES, "queue_bytes", GAUGE, "queue_bytes")                                                           \
	X(OUT_BYTES, "out_bytes", GAUGE, "out_bytes")                                                                 \
	X(LAG_MAX, "lag_max_bytes", GAUGE, "stream_lag_max")                                                          \
	X(LAG_MAX_MS, "lag_max_ms", GAUGE, "stream_lag_max_ms")

enum figure {
#define FIGURE_ENUM(name, key, from, names) FIGURE_##name,
	FIGURES(FIGURE_ENUM)
#undef FIGURE_ENUM
		FIGURE_COUNT
};
struct figures {
	double value[FIGURE_COUNT]; /* below 0: there is none, such as the percentile of nothing */
};
/* before NULL: since the start. seconds: between the two, above 0. A chatd that was started again in between counts from nothing. */
void figures_of(const cJSON *before, const cJSON *now, double seconds, struct figures *out);
const char *figure_key(enum figure f);
/* {"at","interval_s", then the figures; null where there is none}. NULL: out of memory. */
cJSON *figures_json(const struct figures *f, const char *at, double seconds);

enum { TOP_HISTORY = 60 };
struct top {
	const struct cli *cli;
	struct figures history[TOP_HISTORY]; /* a ring: the newest at n - 1 */
	unsigned n;
	const cJSON *info;           /* of GET /admin/info, or NULL */
	const cJSON *conns;          /* of GET /admin/conns, the slowest first, or NULL */
	double disk_free, disk_size; /* bytes; below 0: not known */
	char clock[16];              /* the time of day */
	const char *trouble;         /* why there is nothing new, or NULL */
	bool utf8, styled;
	double interval_s;
};
void top_add(struct top *t, const struct figures *f);
/* The screen as lines, at most height of them, none wider than width; no newline behind the last one. */
void top_draw(const struct top *t, unsigned width, unsigned height, struct buf *out);
/* One line of figures for what is no screen, and the line of their names. */
void top_line(const struct figures *f, const char *clock, struct buf *out);
void top_line_names(struct buf *out);
#endif
