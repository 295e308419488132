#include "cli/bench/stats.h"
#include "cli/bench/draw.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 2000 };

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double stats_median(double *v, unsigned n)
{
	if (n == 0)
		return 0;
	qsort(v, n, sizeof *v, ascending);
	return (v[(n - 1) / 2] + v[n / 2]) / 2;
}

/* Those of b below x, ties half. */
static double below(const double *b, unsigned m, double x, double *ties)
{
	double n = 0;

	for (unsigned i = 0; i < m; i++) {
		n += b[i] < x ? 1 : b[i] == x ? 0.5 : 0;
		*ties += b[i] == x;
	}
	return n;
}

/* The sum of t^3 - t over groups of t equal values: t^2 - 1 for each value. */
static double tie_term(const double *a, unsigned n, const double *b, unsigned m)
{
	double sum = 0;

	for (unsigned i = 0; i < n + m; i++) {
		double t = 0, x = i < n ? a[i] : b[i - n];
		below(a, n, x, &t);
		below(b, m, x, &t);
		sum += t * t - 1;
	}
	return sum;
}

double stats_mann_whitney(const double *a, unsigned n, const double *b, unsigned m, double *u)
{
	double all = (double)n + m, ignored = 0, product = (double)n * m;

	*u = 0;
	if (n == 0 || m == 0)
		return 1;
	for (unsigned i = 0; i < n; i++)
		*u += below(b, m, a[i], &ignored);
	double variance = product / 12 * (all + 1 - tie_term(a, n, b, m) / (all * (all - 1)));
	double away = fabs(*u - product / 2) - 0.5;
	if (variance <= 0 || away <= 0)
		return 1;
	return erfc(away / sqrt(variance) / M_SQRT2);
}

/* Fills `to` with blocks of `from`, each beginning anywhere. */
static void resample(const double *from, unsigned n, uint64_t seed, uint64_t *draws, double *to)
{
	unsigned block = (unsigned)fmax(1, cbrt(n));

	for (unsigned i = 0; i < n;) {
		unsigned start = draw_below(seed, DRAW_RESAMPLE, (*draws)++, n - block + 1);
		for (unsigned k = 0; k < block && i < n; k++)
			to[i++] = from[start + k];
	}
}

int stats_difference(const double *a, unsigned n, const double *b, unsigned m, uint64_t seed, struct interval *out)
{
	double *room = malloc(((size_t)n + m + ROUNDS) * sizeof *room), *other = room + n, *found = other + m;
	uint64_t draws = 0;

	*out = (struct interval){0, 0, 0};
	if (!room)
		return -1;
	memcpy(room, a, n * sizeof *a);
	memcpy(other, b, m * sizeof *b);
	out->estimate = stats_median(other, m) - stats_median(room, n);
	for (unsigned i = 0; n && m && i < ROUNDS; i++) {
		resample(a, n, seed, &draws, room);
		resample(b, m, seed, &draws, other);
		found[i] = stats_median(other, m) - stats_median(room, n);
	}
	if (n && m) {
		qsort(found, ROUNDS, sizeof *found, ascending);
		out->low = found[ROUNDS * 25 / 1000];
		out->high = found[ROUNDS - 1 - ROUNDS * 25 / 1000];
	}
	free(room);
	return 0;
}

static int median_of(const double *v, unsigned n, double *out)
{
	double *room = malloc((n + 1) * sizeof *room);

	if (!room)
		return -1;
	memcpy(room, v, n * sizeof *v);
	*out = stats_median(room, n);
	free(room);
	return 0;
}

int stats_compare(const double *a, unsigned n, const double *b, unsigned m, struct compared *out)
{
	struct interval *d = &out->difference;
	double u;

	if (stats_difference(a, n, b, m, 1, d) || median_of(a, n, &out->a) || median_of(b, m, &out->b))
		return -1;
	out->p = stats_mann_whitney(a, n, b, m, &u);
	out->verdict = COMPARE_NOISE;
	if (n < STATS_MIN || m < STATS_MIN)
		out->verdict = COMPARE_TOO_FEW;
	else if (out->p < 0.01 && d->low > 0)
		out->verdict = COMPARE_MORE;
	else if (out->p < 0.01 && d->high < 0)
		out->verdict = COMPARE_LESS;
	return 0;
}
