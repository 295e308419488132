#include "common/hist/hist.h"
#include <math.h>

/* The step of a value: itself in the first 128, then its octave and the 7 bits behind the leading one. */
static unsigned step_of(uint64_t value)
{
	if (value < HIST_STEPS)
		return (unsigned)value;
	if (value > HIST_TOP)
		return HIST_BUCKETS - 1;
	unsigned shift = 63 - (unsigned)__builtin_clzll(value) - HIST_BITS;
	return (shift + 1) * HIST_STEPS + (unsigned)(value >> shift) - HIST_STEPS;
}

uint64_t hist_step_top(unsigned i)
{
	if (i < HIST_STEPS)
		return i;
	return ((uint64_t)(HIST_STEPS + i % HIST_STEPS + 1) << (i / HIST_STEPS - 1)) - 1;
}

void hist_add(struct hist *h, uint64_t value, uint64_t times)
{
	if (times == 0)
		return;
	if (h->count == 0 || value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->count += times;
	h->sum += (double)value * (double)times;
	h->squares += (double)value * (double)value * (double)times;
	h->buckets[step_of(value)] += times;
}

void hist_merge(struct hist *into, const struct hist *from)
{
	if (from->count == 0)
		return;
	if (into->count == 0 || from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
	into->count += from->count;
	into->sum += from->sum;
	into->squares += from->squares;
	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		into->buckets[i] += from->buckets[i];
}

void hist_reset(struct hist *h)
{
	memset(h, 0, sizeof *h);
}

static uint64_t within(const struct hist *h, unsigned step)
{
	uint64_t top = hist_step_top(step);

	/* The last step holds what is beyond the scale too. */
	return top > h->max || step == HIST_BUCKETS - 1 ? h->max : top;
}

uint64_t hist_percentile(const struct hist *h, double percent)
{
	uint64_t want, seen = 0;
	double share = percent < 0 ? 0 : percent > 100 ? 1 : percent / 100;

	if (h->count == 0)
		return 0;
	/* 99.9 % of 1,000 is 999, which a double may put a hair above. */
	want = (uint64_t)ceil(share * (double)h->count * (1 - 1e-12));
	if (want == 0)
		return h->min;
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen >= want)
			return within(h, i);
	}
	return h->max;
}

double hist_mean(const struct hist *h)
{
	return h->count ? h->sum / (double)h->count : 0;
}

double hist_stddev(const struct hist *h)
{
	double mean = hist_mean(h), variance = h->count ? h->squares / (double)h->count - mean * mean : 0;

	return variance > 0 ? sqrt(variance) : 0;
}

uint64_t hist_above(const struct hist *h, uint64_t value)
{
	uint64_t n = 0;

	for (unsigned i = step_of(value) + 1; i < HIST_BUCKETS; i++)
		n += h->buckets[i];
	return n;
}

static uint64_t up_to(const struct hist *h, uint64_t value)
{
	return h->count - hist_above(h, value);
}

int hist_hgrm(const struct hist *h, double scale, struct buf *out)
{
	enum { PER_HALF = 5, HALVES = 40 };
	double left = 100; /* the distance from 100 % at which the present rows began */
	uint64_t seen = 0;

	buf_adds(out, "       Value     Percentile TotalCount 1/(1-Percentile)\n\n");
	for (int row = 0; row < PER_HALF * HALVES && seen < h->count; row++) {
		double percent = 100 - left + left / 2 * (row % PER_HALF) / PER_HALF;
		uint64_t value = hist_percentile(h, percent);
		seen = up_to(h, value);
		if (seen < h->count)
			buf_addf(out, "%12.3f %2.12f %10llu %14.2f\n", (double)value / scale, percent / 100,
				(unsigned long long)seen, 1 / (1 - percent / 100));
		if (row % PER_HALF == PER_HALF - 1)
			left /= 2;
	}
	if (h->count)
		buf_addf(out, "%12.3f %2.12f %10llu\n", (double)h->max / scale, 1.0, (unsigned long long)h->count);
	buf_addf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", hist_mean(h) / scale, hist_stddev(h) / scale);
	buf_addf(out, "#[Max     = %12.3f, Total count    = %12llu]\n", (double)h->max / scale,
		(unsigned long long)h->count);
	return buf_addf(out, "#[Buckets = %12d, SubBuckets     = %12d]\n", HIST_OCTAVES + 1, HIST_STEPS);
}
