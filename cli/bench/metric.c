#include "cli/bench/metric.h"
#include <stdio.h>
#include <stdlib.h>

#define X(name, word, help) {word, help},
static const struct {
	const char *word, *help;
} timings[] = {BENCH_TIMINGS(X)}, counts[] = {BENCH_COUNTS(X)};
#undef X

static const struct {
	const char *word;
	enum statistic stat;
	enum unit unit;
} stats[] = {{"mean", STAT_MEAN, UNIT_TIME}, {"max", STAT_MAX, UNIT_TIME}, {"count", STAT_COUNT, UNIT_COUNT}};

const char *timing_word(enum timing t)
{
	return timings[t].word;
}

const char *timing_help(enum timing t)
{
	return timings[t].help;
}

const char *count_word(enum count c)
{
	return counts[c].word;
}

const char *count_help(enum count c)
{
	return counts[c].help;
}

static enum unit unit_of(enum count c)
{
	switch (c) {
	case COUNT_BUSY:
	case COUNT_ERR_SHARE:
	case COUNT_LATE_SHARE:
		return UNIT_SHARE;
	case COUNT_RATE_INTENDED:
	case COUNT_RATE_ACKED:
	case COUNT_RATE_PUSHED:
		return UNIT_RATE;
	default:
		return UNIT_COUNT;
	}
}

/* "p99.9": digits with at most one point. */
static int percentile_parse(struct str word, double *out)
{
	char text[16], *end;

	if (word.n < 2 || word.n >= sizeof text || word.p[0] != 'p')
		return -1;
	memcpy(text, word.p, word.n);
	text[word.n] = 0;
	if (strspn(text + 1, "0123456789.") != word.n - 1 || text[1] == '.')
		return -1;
	*out = strtod(text + 1, &end);
	return *end == 0 && *out <= 100 ? 0 : -1;
}

static int stat_parse(struct str word, struct metric *m)
{
	for (unsigned i = 0; i < sizeof stats / sizeof *stats; i++)
		if (str_is(word, stats[i].word)) {
			m->stat = stats[i].stat;
			m->unit = stats[i].unit;
			return 0;
		}
	m->stat = STAT_PERCENTILE;
	m->unit = UNIT_TIME;
	return percentile_parse(word, &m->percent);
}

int metric_parse(struct str word, struct metric *m)
{
	*m = (struct metric){0};
	for (unsigned i = 0; i < COUNTS; i++)
		if (str_is(word, counts[i].word)) {
			m->index = i;
			m->unit = unit_of(i);
			return 0;
		}
	for (unsigned i = 0; i < TIMINGS; i++) {
		size_t n = strlen(timings[i].word);
		if (word.n > n && memcmp(word.p, timings[i].word, n) == 0 && word.p[n] == '.') {
			m->index = i;
			return stat_parse((struct str){word.p + n + 1, word.n - n - 1}, m);
		}
	}
	return -1;
}

void metric_name(const struct metric *m, char out[64])
{
	if (m->stat == STAT_NONE)
		snprintf(out, 64, "%s", counts[m->index].word);
	else if (m->stat == STAT_PERCENTILE)
		snprintf(out, 64, "%s.p%.10g", timings[m->index].word, m->percent);
	else
		for (unsigned i = 0; i < sizeof stats / sizeof *stats; i++)
			if (stats[i].stat == m->stat)
				snprintf(out, 64, "%s.%s", timings[m->index].word, stats[i].word);
}
