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

/* Upper bounds in microseconds: 100 us to about 3.3 s, doubling. */
static uint64_t bound(unsigned i)
{
	return (uint64_t)100 << i;
}

void metric_time(struct metrics *m, enum metric_time t, uint64_t us)
{
	unsigned i = 0;

	while (i < METRIC_BUCKETS && us > bound(i))
		i++;
	atomic_fetch_add_explicit(&m->time[t].bucket[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&m->time[t].sum_us, us, memory_order_relaxed);
}

static void write_time(struct metrics *m, unsigned t, struct buf *out)
{
	const char *name = times[t].name;
	uint64_t n = 0;

	buf_addf(out, "# HELP %s %s\n# TYPE %s histogram\n", name, times[t].help, name);
	for (unsigned i = 0; i < METRIC_BUCKETS; i++) {
		n += m->time[t].bucket[i];
		buf_addf(out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, (double)bound(i) / 1e6, n);
	}
	n += m->time[t].bucket[METRIC_BUCKETS];
	buf_addf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %.6f\n%s_count %" PRIu64 "\n", name, n, name,
		(double)m->time[t].sum_us / 1e6, name, n);
}

void metrics_write(struct metrics *m, struct buf *out)
{
	for (unsigned i = 0; i < METRIC_COUNTER_COUNT; i++)
		buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRId64 "\n", counters[i].name, counters[i].help,
			counters[i].name, counters[i].type, counters[i].name, m->counter[i]);
	for (unsigned t = 0; t < METRIC_TIME_COUNT; t++)
		write_time(m, t, out);
}
