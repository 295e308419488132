/* A log-linear histogram of nanoseconds, 64 steps an octave: a quantile is at most 1.6 % too high. And the clock that feeds it. */
#ifndef CHAT_BENCH_HIST_H
#define CHAT_BENCH_HIST_H
#include <stdint.h>
#include <time.h>

enum { HIST_STEPS = 64, HIST_OCTAVES = 40 };

/* Zero at first. */
struct hist {
	uint64_t buckets[HIST_STEPS * HIST_OCTAVES];
	uint64_t count, max;
};

/* Monotonic, ns. */
static inline uint64_t bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline unsigned hist_bucket(uint64_t v)
{
	if (v < HIST_STEPS)
		return (unsigned)v;
	unsigned shift = 63 - (unsigned)__builtin_clzll(v) - 6;
	unsigned at = (shift + 1) * HIST_STEPS + (unsigned)(v >> shift) - HIST_STEPS;
	return at < HIST_STEPS * HIST_OCTAVES ? at : HIST_STEPS * HIST_OCTAVES - 1;
}

static inline void hist_add(struct hist *h, uint64_t ns, uint64_t times)
{
	h->buckets[hist_bucket(ns)] += times;
	h->count += times;
	if (ns > h->max)
		h->max = ns;
}

/* The upper end of the bucket in which the quantile falls, ms; 0 when there is nothing. */
static inline double hist_ms(const struct hist *h, double quantile)
{
	uint64_t want = (uint64_t)(quantile * (double)h->count), seen = 0;

	for (unsigned i = 0; i < HIST_STEPS * HIST_OCTAVES && h->count; i++) {
		seen += h->buckets[i];
		if (seen > want || seen == h->count) {
			unsigned shift = i < HIST_STEPS ? 0 : i / HIST_STEPS - 1;
			uint64_t top = i < HIST_STEPS ? i : ((uint64_t)(HIST_STEPS + i % HIST_STEPS + 1) << shift) - 1;
			return (double)(top < h->max ? top : h->max) / 1e6;
		}
	}
	return 0;
}
#endif
