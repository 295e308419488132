#include "server/ops/metrics.h"
#include <inttypes.h>

static const struct {
	const char *name, *type, *help;
} counters[] = {
#define METRIC_ROW(name, text, type, help) [METRIC_##name] = {text, type, help},
	METRIC_COUNTERS(METRIC_ROW)
#undef METRIC_ROW
};
static const struct {
	const char *name, *help;
} times[] = {
#define METRIC_ROW(name, text, help) [METRIC_##name] = {text, help},
	METRIC_TIMES(METRIC_ROW)
#undef METRIC_ROW
};

enum { SUB_BITS = 3, PROM_FIRST = 6, PROM_LAST = 23 /* le: 64 us to 8.4 s */ };
_Static_assert(1 << SUB_BITS == METRIC_SUB, "eight to a doubling");

/* Bucket i holds the values above bound(i - 1) up to bound(i), so that each power of two is a bound. */
static unsigned bucket_of(uint64_t us)
{
	uint64_t v = us ? us - 1 : 0;

	if (v < METRIC_SUB)
		return (unsigned)v;
	unsigned octave = 63u - (unsigned)__builtin_clzll(v) - SUB_BITS;
	unsigned i = octave * METRIC_SUB + (unsigned)(v >> octave);
	return i < METRIC_BUCKETS ? i : METRIC_BUCKETS - 1;
}

static uint64_t bound(unsigned i)
{
	unsigned octave = i < METRIC_SUB ? 0 : i / METRIC_SUB - 1;

	return (uint64_t)(i - octave * METRIC_SUB + 1) << octave;
}

void metric_time(struct metrics *m, enum metric_time t, uint64_t us)
{
	uint64_t max = atomic_load_explicit(&m->time[t].max_us, memory_order_relaxed);

	atomic_fetch_add_explicit(&m->time[t].bucket[bucket_of(us)], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&m->time[t].sum_us, us, memory_order_relaxed);
	while (us > max && !atomic_compare_exchange_weak_explicit(
				   &m->time[t].max_us, &max, us, memory_order_relaxed, memory_order_relaxed))
		;
}

void metric_refusal(struct metrics *m, enum err e)
{
	atomic_fetch_add_explicit(&m->refusal[e], 1, memory_order_relaxed);
}

void metric_answer(struct metrics *m, int status, enum err e)
{
	if (status > 0 && status < STATUS_MAX)
		atomic_fetch_add_explicit(&m->answer[status], 1, memory_order_relaxed);
	if (e != ERR_OK)
		metric_refusal(m, e);
}

static uint64_t count_of(struct metrics *m, unsigned t)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < METRIC_BUCKETS; i++)
		n += atomic_load_explicit(&m->time[t].bucket[i], memory_order_relaxed);
	return n;
}

uint64_t metric_percentile(struct metrics *m, enum metric_time t, double share)
{
	uint64_t all = count_of(m, t), n = 0, rank = (uint64_t)((double)all * share), max = m->time[t].max_us;
	unsigned i = 0;

	if (all == 0)
		return 0;
	for (; i < METRIC_BUCKETS - 1; i++) {
		n += atomic_load_explicit(&m->time[t].bucket[i], memory_order_relaxed);
		if (n > rank || n == all)
			break;
	}
	return bound(i) < max ? bound(i) : max;
}

static void write_time(struct metrics *m, unsigned t, struct buf *out)
{
	const char *name = times[t].name;
	uint64_t n = 0;
	unsigned i = 0;

	buf_addf(out, "# HELP %s %s\n# TYPE %s histogram\n", name, times[t].help, name);
	for (unsigned p = PROM_FIRST; p <= PROM_LAST; p++) {
		for (; i < METRIC_BUCKETS && bound(i) <= (uint64_t)1 << p; i++)
			n += atomic_load_explicit(&m->time[t].bucket[i], memory_order_relaxed);
		buf_addf(out, "%s_bucket{le=\"%.6f\"} %" PRIu64 "\n", name, (double)((uint64_t)1 << p) / 1e6, n);
	}
	for (; i < METRIC_BUCKETS; i++)
		n += atomic_load_explicit(&m->time[t].bucket[i], memory_order_relaxed);
	buf_addf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %.6f\n%s_count %" PRIu64 "\n", name, n, name,
		(double)m->time[t].sum_us / 1e6, name, n);
}

static void write_codes(struct metrics *m, struct buf *out)
{
	buf_adds(
		out, "# HELP chat_http_answers_total HTTP answers by status\n# TYPE chat_http_answers_total counter\n");
	for (unsigned i = 0; i < STATUS_MAX; i++)
		if (m->answer[i])
			buf_addf(out, "chat_http_answers_total{code=\"%u\"} %" PRIu64 "\n", i, m->answer[i]);
	buf_adds(out, "# HELP chat_refusals_total Errors told by HTTP and WebSocket, by their code word\n"
		      "# TYPE chat_refusals_total counter\n");
	for (unsigned e = 0; e < ERR_COUNT; e++)
		if (m->refusal[e])
			buf_addf(out, "chat_refusals_total{code=\"%s\"} %" PRIu64 "\n", err_code(e), m->refusal[e]);
}

void metrics_write(struct metrics *m, struct buf *out)
{
	for (unsigned i = 0; i < METRIC_COUNTER_COUNT; i++)
		buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRId64 "\n", counters[i].name, counters[i].help,
			counters[i].name, counters[i].type, counters[i].name, m->counter[i]);
	write_codes(m, out);
	for (unsigned t = 0; t < METRIC_TIME_COUNT; t++)
		write_time(m, t, out);
}

/* The highest value of each bucket that holds something, and how many are in it: who takes two of them has the percentiles in between. */
static void write_buckets_json(struct metrics *m, unsigned t, struct buf *out)
{
	bool first = true;

	for (unsigned i = 0; i < METRIC_BUCKETS; i++) {
		uint64_t n = atomic_load_explicit(&m->time[t].bucket[i], memory_order_relaxed);
		if (n == 0)
			continue;
		buf_addf(out, "%s[%" PRIu64 ",%" PRIu64 "]", first ? "" : ",", bound(i), n);
		first = false;
	}
}

static void write_time_json(struct metrics *m, unsigned t, struct buf *out)
{
	static const struct {
		const char *name;
		double share;
	} shares[] = {{"p50_us", .5}, {"p90_us", .9}, {"p99_us", .99}, {"p999_us", .999}};

	buf_addf(out, "%s\"%s\":{\"count\":%" PRIu64 ",\"sum_us\":%" PRIu64, t ? "," : "", times[t].name,
		count_of(m, t), m->time[t].sum_us);
	for (unsigned i = 0; i < sizeof shares / sizeof *shares; i++)
		buf_addf(out, ",\"%s\":%" PRIu64, shares[i].name, metric_percentile(m, t, shares[i].share));
	buf_addf(out, ",\"max_us\":%" PRIu64 ",\"buckets\":[", m->time[t].max_us);
	write_buckets_json(m, t, out);
	buf_adds(out, "]}");
}

void metrics_write_json(struct metrics *m, struct buf *out)
{
	buf_adds(out, "\"counters\":{");
	for (unsigned i = 0; i < METRIC_COUNTER_COUNT; i++)
		buf_addf(out, "%s\"%s\":%" PRId64, i ? "," : "", counters[i].name, m->counter[i]);
	for (unsigned i = 0; i < STATUS_MAX; i++)
		if (m->answer[i])
			buf_addf(out, ",\"chat_http_answers_total{code=%u}\":%" PRIu64, i, m->answer[i]);
	for (unsigned e = 0; e < ERR_COUNT; e++)
		if (m->refusal[e])
			buf_addf(out, ",\"chat_refusals_total{code=%s}\":%" PRIu64, err_code(e), m->refusal[e]);
	buf_adds(out, "},\"times\":{");
	for (unsigned t = 0; t < METRIC_TIME_COUNT; t++)
		write_time_json(m, t, out);
	buf_addc(out, '}');
}
