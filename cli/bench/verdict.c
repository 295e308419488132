#include "cli/bench/verdict.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int results_init(struct results *r, const struct scenario *s)
{
	*r = (struct results){.scenario = s, .timings = calloc(TIMINGS, sizeof *r->timings)};
	return r->timings ? 0 : -1;
}

void results_release(struct results *r)
{
	free(r->timings);
	free(r->series);
	r->timings = NULL;
	r->series = NULL;
	r->n_series = r->cap_series = 0;
}

int results_add_second(struct results *r, const struct second *row)
{
	if (r->n_series == r->cap_series) {
		unsigned cap = r->cap_series ? 2 * r->cap_series : 256;
		struct second *more = cap <= 2 * SERIES_MAX ? realloc(r->series, cap * sizeof *more) : NULL;
		if (!more)
			return -1;
		r->series = more;
		r->cap_series = cap;
	}
	r->series[r->n_series++] = *row;
	return 0;
}

static double share(double part, double all)
{
	return all > 0 ? part / all : 0;
}

void results_finish(struct results *r)
{
	double *c = r->counts;

	c[COUNT_LOST] = (double)r->ledger.offences[OFFENCE_LOST];
	c[COUNT_DUP] = (double)r->ledger.offences[OFFENCE_DUP];
	c[COUNT_REORDER] = (double)r->ledger.offences[OFFENCE_REORDER];
	c[COUNT_CORRUPT] = (double)r->ledger.offences[OFFENCE_CORRUPT];
	c[COUNT_UNKNOWN] = (double)r->ledger.offences[OFFENCE_UNKNOWN];
	c[COUNT_UNREAD] = (double)r->ledger.unread;
	c[COUNT_REPLAYED] = (double)r->ledger.replayed;
	c[COUNT_ERR_ALL] = c[COUNT_ERR_REFUSED] + c[COUNT_ERR_BUSY] + c[COUNT_ERR_NETWORK] + c[COUNT_ERR_TIMEOUT];
	c[COUNT_ERR_SHARE] = share(c[COUNT_ERR_ALL], c[COUNT_SENT] + c[COUNT_CALLS]);
	c[COUNT_LATE_SHARE] = share(c[COUNT_LATE], c[COUNT_SENT]);
	c[COUNT_RATE_INTENDED] = share(c[COUNT_INTENDED], c[COUNT_SECONDS]);
	c[COUNT_RATE_ACKED] = share(c[COUNT_ACKED], c[COUNT_SECONDS]);
	c[COUNT_RATE_PUSHED] = share(c[COUNT_PUSHED], c[COUNT_SECONDS]);
}

double results_value(const struct results *r, const struct metric *m)
{
	const struct hist *h = &r->timings[m->stat == STAT_NONE ? 0 : m->index];

	switch (m->stat) {
	case STAT_PERCENTILE:
		return (double)hist_percentile(h, m->percent);
	case STAT_MEAN:
		return hist_mean(h);
	case STAT_MAX:
		return (double)h->max;
	case STAT_COUNT:
		return (double)h->count;
	default:
		return r->counts[m->index];
	}
}

bool results_has(const struct results *r, const struct metric *m)
{
	return m->stat == STAT_NONE || m->stat == STAT_COUNT || r->timings[m->index].count > 0;
}

static bool holds(double value, enum compare_op op, double limit)
{
	switch (op) {
	case CMP_LT:
		return value < limit;
	case CMP_LE:
		return value <= limit;
	case CMP_EQ:
		return fabs(value - limit) <= 1e-9 * fabs(limit);
	case CMP_GT:
		return value > limit;
	default:
		return value >= limit;
	}
}

static unsigned judge_thresholds(const struct results *r, struct judged *j)
{
	unsigned missed = 0;

	j->n = r->scenario->n_thresholds;
	for (unsigned i = 0; i < j->n; i++) {
		const struct threshold *t = &r->scenario->thresholds[i];
		double value = results_value(r, &t->metric);
		bool measured = results_has(r, &t->metric), met = measured && holds(value, t->op, t->value);
		j->thresholds[i].t = t;
		j->thresholds[i].value = value;
		j->thresholds[i].measured = measured;
		j->thresholds[i].met = met;
		missed += !met;
	}
	return missed;
}

void results_judge(const struct results *r, struct judged *j)
{
	const double *c = r->counts;
	unsigned missed = judge_thresholds(r, j);
	double broken = c[COUNT_LOST] + c[COUNT_DUP] + c[COUNT_REORDER] + c[COUNT_CORRUPT];
	bool late = c[COUNT_LATE_SHARE] > BENCH_LATE_MAX, busy = c[COUNT_BUSY] > BENCH_BUSY_MAX;

	j->code = BENCH_OK;
	j->word = "PASSED";
	snprintf(j->why, sizeof j->why, "nothing lost, doubled, reordered or corrupt; %u of %u thresholds met",
		j->n - missed, j->n);
	if (missed) {
		j->code = BENCH_THRESHOLD;
		j->word = "THRESHOLD";
		snprintf(j->why, sizeof j->why, "%u of %u thresholds missed", missed, j->n);
	}
	if (late || busy || c[COUNT_SENT] == 0 || c[COUNT_UNREAD] > 0) {
		j->code = BENCH_INVALID;
		j->word = "INVALID";
		if (c[COUNT_SENT] == 0)
			snprintf(j->why, sizeof j->why, "nothing was sent");
		else if (c[COUNT_UNREAD] > 0)
			snprintf(j->why, sizeof j->why,
				"the history of %.0f pairs could not be read back, so what is lost there is not known",
				c[COUNT_UNREAD]);
		else if (late)
			snprintf(j->why, sizeof j->why, "the generator was the limit: %.1f %% of the sends left late",
				c[COUNT_LATE_SHARE] * 100);
		else
			snprintf(j->why, sizeof j->why, "the generator was the limit: a loop was %.0f %% busy",
				c[COUNT_BUSY] * 100);
	}
	if (broken > 0) {
		j->code = BENCH_INTEGRITY;
		j->word = "INTEGRITY";
		snprintf(j->why, sizeof j->why, "%.0f lost, %.0f doubled, %.0f reordered, %.0f corrupt", c[COUNT_LOST],
			c[COUNT_DUP], c[COUNT_REORDER], c[COUNT_CORRUPT]);
	}
}

/* 1234567 as 1,234,567. */
static void grouped(double value, char out[32])
{
	char plain[32];
	int n = snprintf(plain, sizeof plain, "%.0f", value < 1e15 ? value : 1e15), at = 0;

	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = plain[i];
	}
	out[at] = 0;
}

void value_text(enum unit unit, double v, char out[32])
{
	if (unit == UNIT_SHARE)
		snprintf(out, 32, "%.3g %%", v * 100);
	else if (unit == UNIT_TIME && v < 1000)
		snprintf(out, 32, "%.0f us", v);
	else if (unit == UNIT_TIME && v < 1e6)
		snprintf(out, 32, v < 1e4 ? "%.2f ms" : v < 1e5 ? "%.1f ms" : "%.0f ms", v / 1e3);
	else if (unit == UNIT_TIME)
		snprintf(out, 32, "%.2f s", v / 1e6 < 1e9 ? v / 1e6 : 1e9);
	else if (unit == UNIT_RATE && v < 100)
		snprintf(out, 32, "%.3g/s", v);
	else {
		grouped(v, out);
		if (unit == UNIT_RATE)
			strcat(out, "/s");
	}
}
