/* Is the difference between two runs one, or noise? Samples are a run's seconds; neighbouring seconds resemble each other, so they are drawn again in blocks.
 * Pure; deterministic. */
#ifndef CHAT_BENCH_STATS_H
#define CHAT_BENCH_STATS_H
#include <stdbool.h>
#include <stdint.h>

enum { STATS_MIN = 8, STATS_MAX = 4096 }; /* samples: fewer say nothing; more are thinned out by who calls */

double stats_median(double *v, unsigned n); /* sorts v; 0 when empty */
/* The Mann-Whitney test (1947): the probability of ranks as different as these when there is no difference; two-sided, by the normal approximation with
 * corrections for ties and continuity. *u: how often one of a is above one of b (ties half). 1 when either is empty. */
double stats_mann_whitney(const double *a, unsigned n, const double *b, unsigned m, double *u);
struct interval {
	double low, estimate, high;
};
/* median(b) - median(a), and where it is with 95 % confidence: moving-block bootstrap (Kuensch 1989) with blocks of about n^(1/3). 0, or -1 out of memory. */
int stats_difference(const double *a, unsigned n, const double *b, unsigned m, uint64_t seed, struct interval *out);

enum comparison { COMPARE_TOO_FEW, COMPARE_NOISE, COMPARE_LESS, COMPARE_MORE };
struct compared {
	enum comparison
		verdict; /* of b against a. LESS and MORE: the interval excludes 0 and the test agrees (p < 0.01) */
	double a, b;     /* medians */
	struct interval difference;
	double p;
};
int stats_compare(
	const double *a, unsigned n, const double *b, unsigned m, struct compared *out); /* 0, or -1 out of memory */
#endif
