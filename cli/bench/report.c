/* The forms of a report that are for people and for build servers. */
#include "cli/bench/report.h"
#include "cli/bench/chart.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { POINTS = 600 };

static void time_label(double us, char out[32])
{
	snprintf(out, 32,
		us < 1e3   ? "%.4g us"
		: us < 1e6 ? "%.4g ms"
			   : "%.4g s",
		us < 1e3   ? us
		: us < 1e6 ? us / 1e3
			   : us / 1e6);
}

static void count_label(double v, char out[32])
{
	if (v > 0 && v < 10 && v != floor(v))
		snprintf(out, 32, "%.1f", v);
	else
		value_text(UNIT_COUNT, v, out);
}

/* ---- charts ---- */

static void percentiles(const struct results *r, struct buf *out)
{
	enum { STEPS = 121, SHOWN = 4 };
	static const enum timing shown[SHOWN] = {TIMING_E2E, TIMING_ACK, TIMING_ACK_SERVICE, TIMING_LAG};
	static double x[SHOWN][STEPS], y[SHOWN][STEPS];
	struct chart c = {.title = "Latency by percentile",
		.y_name = "from the intended moment",
		.x_name = "percentile, each nine as wide as the one before",
		.x = AXIS_NINES,
		.y = AXIS_LOG,
		.y_label = time_label};

	for (unsigned i = 0; i < SHOWN; i++) {
		const struct hist *h = &r->timings[shown[i]];
		struct line_data *l = &c.lines[c.n];
		if (h->count < 2)
			continue;
		*l = (struct line_data){timing_word(shown[i]), x[i], y[i], 0};
		/* No further than there is a value for each step. */
		for (unsigned k = 0; k < STEPS && pow(10, k * 0.05) <= (double)h->count; k++, l->n++) {
			x[i][k] = 100 * (1 - pow(10, -0.05 * k));
			y[i][k] = fmax(1, (double)hist_percentile(h, x[i][k]));
		}
		c.n++;
	}
	if (c.n)
		chart_draw(&c, out);
}

/* A column of the series in at most POINTS points: the greatest of those that a point stands for, so that no peak is hidden, or the mean. */
static unsigned column(const struct results *r, size_t offset, bool greatest, double *x, double *y)
{
	unsigned each = (r->n_series + POINTS - 1) / POINTS, n = 0;

	for (unsigned i = 0; i < r->n_series; i += each, n++) {
		double sum = 0, most = 0, of = 0;
		for (unsigned k = i; k < i + each && k < r->n_series; k++, of++) {
			double v = *(const double *)((const char *)&r->series[k] + offset);
			sum += v;
			most = fmax(most, v);
		}
		x[n] = r->series[i].at;
		y[n] = greatest ? most : sum / of;
	}
	return n;
}

struct column {
	const char *name;
	size_t offset;
};

static void over_time(const struct results *r, const char *title, const char *y_name, enum axis y_axis,
	const struct column *columns, unsigned n, void (*label)(double, char[32]), struct buf *out)
{
	static double x[LINES_MAX][POINTS], y[LINES_MAX][POINTS];
	struct band bands[SCENARIO_FAULTS];
	struct chart c = {.title = title,
		.y_name = y_name,
		.x_name = "seconds since the start",
		.y = y_axis,
		.n = n,
		.bands = bands,
		.n_bands = r->scenario->n_faults,
		.y_label = label};

	for (unsigned i = 0; i < c.n_bands; i++) {
		const struct fault *f = &r->scenario->faults[i];
		bands[i] = (struct band){(double)f->at / 1e6, (double)(f->at + f->length) / 1e6, fault_words[f->kind]};
	}
	for (unsigned i = 0; i < n; i++)
		c.lines[i] = (struct line_data){
			columns[i].name, x[i], y[i], column(r, columns[i].offset, y_axis == AXIS_LOG, x[i], y[i])};
	chart_draw(&c, out);
}

#define COLUMN(name, field)                          \
	{                                            \
		name, offsetof(struct second, field) \
	}
static void series(const struct results *r, struct buf *out)
{
	static const struct column rates[] = {COLUMN("intended", intended), COLUMN("acknowledged", acked),
		COLUMN("pushed", pushed), COLUMN("errors", errors)};
	static const struct column latencies[] = {COLUMN("e2e p50", e2e_p50), COLUMN("e2e p99", e2e_p99),
		COLUMN("ack p99", ack_p99), COLUMN("lag p99", lag_p99)};

	if (r->n_series < 2)
		return;
	over_time(r, "Rate", "messages a second", AXIS_LINEAR, rates, 4, count_label, out);
	over_time(r, "Latency", "of each second, from the intended moment", AXIS_LOG, latencies, 4, time_label, out);
}

/* ---- tables ---- */

static void tile(struct buf *out, const char *name, enum unit unit, double v)
{
	char text[32];

	value_text(unit, v, text);
	buf_addf(out, "<div><b>%s</b><span>%s</span></div>", text, name);
}

static void tiles(const struct results *r, struct buf *out)
{
	const struct hist *e2e = &r->timings[TIMING_E2E];

	buf_adds(out, "<div class=t>");
	tile(out, "sends acknowledged", UNIT_COUNT, r->counts[COUNT_ACKED]);
	tile(out, "a second", UNIT_RATE, r->counts[COUNT_RATE_ACKED]);
	tile(out, "e2e median", UNIT_TIME, (double)hist_percentile(e2e, 50));
	tile(out, "e2e p99", UNIT_TIME, (double)hist_percentile(e2e, 99));
	tile(out, "e2e p99.9", UNIT_TIME, (double)hist_percentile(e2e, 99.9));
	tile(out, "errors", UNIT_COUNT, r->counts[COUNT_ERR_ALL]);
	buf_adds(out, "</div>\n");
}

static void thresholds(const struct judged *j, struct buf *out)
{
	char text[32];

	if (j->n == 0)
		return;
	buf_adds(out, "<h2>Thresholds</h2><div class=w><table><tr><th>wanted<th class=r>measured<th>\n");
	for (unsigned i = 0; i < j->n; i++) {
		bool met = j->thresholds[i].met;
		snprintf(text, sizeof text, "nothing");
		if (j->thresholds[i].measured)
			value_text(j->thresholds[i].t->metric.unit, j->thresholds[i].value, text);
		buf_adds(out, "<tr><td><code>");
		html_text(out, j->thresholds[i].t->text);
		buf_addf(out, "</code><td class=r>%s<td class=%s>%s\n", text, met ? "good" : "bad",
			met ? "met" : "missed");
	}
	buf_adds(out, "</table></div>\n");
}

static const double shown_percents[] = {50, 90, 99, 99.9, 100};
enum { SHOWN_PERCENTS = 5 };

static void timings(const struct results *r, struct buf *out)
{
	char text[32];

	buf_adds(out, "<h2>Timings</h2><div class=w><table><tr><th><th class=r>count<th class=r>p50<th class=r>p90<th "
		      "class=r>p99<th class=r>p99.9<th class=r>max<th>\n");
	for (unsigned i = 0; i < TIMINGS; i++) {
		const struct hist *h = &r->timings[i];
		if (h->count == 0)
			continue;
		value_text(UNIT_COUNT, (double)h->count, text);
		buf_addf(out, "<tr><td>%s<td class=r>%s", timing_word(i), text);
		for (unsigned k = 0; k < SHOWN_PERCENTS; k++) {
			value_text(UNIT_TIME, (double)hist_percentile(h, shown_percents[k]), text);
			buf_addf(out, "<td class=r>%s", text);
		}
		buf_addf(out, "<td class=n>%s\n", timing_help(i));
	}
	buf_adds(out, "</table></div>\n");
}

static void counts(const struct results *r, struct buf *out)
{
	struct metric m;
	char text[32];

	buf_adds(out, "<h2>Counts</h2><div class=w><table>");
	for (unsigned i = 0; i < COUNTS; i++) {
		if (metric_parse(str_of(count_word(i)), &m))
			continue;
		if (i == COUNT_SECONDS)
			snprintf(text, sizeof text, "%.1f", r->counts[i]);
		else
			value_text(m.unit, r->counts[i], text);
		buf_addf(out, "<tr><td>%s<td class=r>%s<td class=n>%s\n", count_word(i), text, count_help(i));
	}
	buf_adds(out, "</table></div>\n");
}

static void pair_text(const struct results *r, const struct offender *o, char out[80])
{
	struct pairing pairs;
	char from[SCENARIO_PREFIX + 12], to[SCENARIO_PREFIX + 12];

	snprintf(out, 80, "pair %u", o->pair);
	if (o->pair >= scenario_pairs(r->scenario) || pairing_init(&pairs, r->scenario))
		return;
	user_name(r->scenario, pair_sender(&pairs, o->pair), from);
	user_name(r->scenario, pair_recipient(&pairs, o->pair), to);
	snprintf(out, 80, "%s to %s", from, to);
	pairing_release(&pairs);
}

static void offenders(const struct results *r, struct buf *out)
{
	char client_id[CLIENT_ID_ROOM], pair[80];

	if (r->ledger.n_offenders == 0)
		return;
	buf_adds(out, "<h2>Offenders</h2><p class=n>The first ones of each kind. <code>chatctl trace ID</code> says "
		      "what the server knows of one.</p>"
		      "<div class=w><table><tr><th>what<th>who<th class=r>at<th>client_id<th>id<th>why\n");
	for (unsigned i = 0; i < r->ledger.n_offenders; i++) {
		const struct offender *o = &r->ledger.offenders[i];
		ledger_client_id(r->run, o->counter, client_id);
		pair_text(r, o, pair);
		buf_addf(out, "<tr><td class=bad>%s<td>%s<td class=r>%.3f s<td><code>%s</code><td><code>",
			offence_words[o->kind], pair, (double)o->at / 1e6, client_id);
		html_text(out, o->id);
		if (o->other[0]) {
			buf_adds(out, "<br>");
			html_text(out, o->other);
		}
		buf_adds(out, "</code><td>");
		html_text(out, o->why);
		buf_addc(out, '\n');
	}
	buf_adds(out, "</table></div>\n");
}

static void fact(struct buf *out, const char *name, const char *value)
{
	if (!value[0])
		return;
	buf_addf(out, "<tr><td>%s<td>", name);
	html_text(out, value);
	buf_addc(out, '\n');
}

static void surroundings(const struct results *r, const struct environment *e, struct buf *out)
{
	char text[64];
	struct buf file;

	buf_adds(out, "<h2>Where and what</h2><div class=w><table>");
	fact(out, "server", e->server);
	fact(out, "url", e->url);
	fact(out, "client", e->client);
	fact(out, "processor", e->cpu);
	snprintf(text, sizeof text, "%u", e->cores);
	fact(out, "cores", text);
	snprintf(text, sizeof text, "%.1f GiB", (double)e->memory / (1u << 30));
	fact(out, "memory", text);
	fact(out, "kernel", e->kernel);
	fact(out, "started", e->started);
	fact(out, "command", e->command);
	buf_adds(out, "</table></div><h2>Scenario</h2><pre class=w><code>");
	buf_init(&file, SCENARIO_BYTES);
	scenario_write(r->scenario, &file);
	for (size_t at = 0; at < file.len;) {
		char line[1024];
		size_t n = strcspn(file.data + at, "\n");
		snprintf(line, sizeof line, "%.*s", (int)n, file.data + at);
		html_text(out, line);
		buf_addc(out, '\n');
		at += n + 1;
	}
	buf_release(&file);
	buf_adds(out, "</code></pre>\n");
}

int report_html(const struct results *r, const struct environment *e, struct buf *out)
{
	struct judged j;
	char title[SCENARIO_NAME + 40];

	results_judge(r, &j);
	snprintf(title, sizeof title, "%s: %s", r->scenario->name, j.word);
	html_begin(out, title);
	buf_adds(out, "<h1>");
	html_text(out, r->scenario->name);
	buf_adds(out, "</h1><p class=n>");
	html_text(out, e->started);
	buf_addf(out, "%s</p>\n<div class='v %s'><b>%s</b>%s</div>\n",
		r->interrupted ? ", interrupted: judged over what there is" : "",
		j.code == BENCH_OK        ? "good"
		: j.code == BENCH_INVALID ? ""
					  : "bad",
		j.word, j.why);
	tiles(r, out);
	thresholds(&j, out);
	offenders(r, out);
	buf_adds(out, "<h2>Curves</h2>");
	percentiles(r, out);
	series(r, out);
	timings(r, out);
	counts(r, out);
	surroundings(r, e, out);
	html_end(out);
	return out->failed ? -1 : 0;
}

/* ---- junit, csv, text ---- */

static void junit_case(struct buf *out, const char *name, bool good, const char *why)
{
	buf_adds(out, "  <testcase classname=\"bench\" name=\"");
	html_text(out, name);
	if (good) {
		buf_adds(out, "\"/>\n");
		return;
	}
	buf_adds(out, "\"><failure message=\"");
	html_text(out, why);
	buf_adds(out, "\"/></testcase>\n");
}

int report_junit(const struct results *r, struct buf *out)
{
	struct judged j;
	char text[32], why[80];
	unsigned failed;

	results_judge(r, &j);
	bool whole = j.code != BENCH_INTEGRITY, valid = r->counts[COUNT_SENT] > 0 &&
							r->counts[COUNT_LATE_SHARE] <= BENCH_LATE_MAX &&
							r->counts[COUNT_BUSY] <= BENCH_BUSY_MAX;
	failed = !whole + !valid;
	for (unsigned i = 0; i < j.n; i++)
		failed += !j.thresholds[i].met;
	buf_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"");
	html_text(out, r->scenario->name);
	buf_addf(out, "\" tests=\"%u\" failures=\"%u\" time=\"%.3f\">\n", j.n + 2, failed, r->counts[COUNT_SECONDS]);
	junit_case(out, "integrity", whole, j.why);
	junit_case(out, "the generator was not the limit", valid, "late sends, a busy loop, or nothing sent");
	for (unsigned i = 0; i < j.n; i++) {
		value_text(j.thresholds[i].t->metric.unit, j.thresholds[i].value, text);
		snprintf(why, sizeof why, "measured %s", j.thresholds[i].measured ? text : "nothing");
		junit_case(out, j.thresholds[i].t->text, j.thresholds[i].met, why);
	}
	return buf_adds(out, "</testsuite>\n");
}

int report_series(const struct results *r, struct buf *out)
{
	buf_adds(out, "at,intended,sent,acked,pushed,errors,calls,ack_p50_us,ack_p99_us,e2e_p50_us,e2e_p99_us,e2e_max_"
		      "us,lag_p99_us,sockets,busy\n");
	for (unsigned i = 0; i < r->n_series; i++) {
		const struct second *s = &r->series[i];
		buf_addf(out,
			"%.10g,%.10g,%.10g,%.10g,%.10g,%.10g,%.10g,%.10g,%.10g,%.10g,%.10g,%.10g,%.10g,%.10g,%.4g\n",
			s->at, s->intended, s->sent, s->acked, s->pushed, s->errors, s->calls, s->ack_p50, s->ack_p99,
			s->e2e_p50, s->e2e_p99, s->e2e_max, s->lag_p99, s->sockets, s->busy);
	}
	return out->failed ? -1 : 0;
}

static void text_offenders(const struct results *r, struct buf *out)
{
	char client_id[CLIENT_ID_ROOM], pair[80];

	for (unsigned i = 0; i < r->ledger.n_offenders && i < 10; i++) {
		const struct offender *o = &r->ledger.offenders[i];
		ledger_client_id(r->run, o->counter, client_id);
		pair_text(r, o, pair);
		buf_addf(out, "%-8s %s, at %.3f s, client_id %s%s%s: %s\n", offence_words[o->kind], pair,
			(double)o->at / 1e6, client_id, o->id[0] ? ", id " : "", o->id, o->why);
	}
	if (r->ledger.n_offenders > 10)
		buf_addf(out, "... and %u more in the report\n", r->ledger.n_offenders - 10);
}

int report_text(const struct results *r, struct buf *out)
{
	struct judged j;
	char text[32];

	results_judge(r, &j);
	buf_addf(out, "%-14s %10s %10s %10s %10s %10s %10s\n", "", "count", "p50", "p90", "p99", "p99.9", "max");
	for (unsigned i = 0; i < TIMINGS; i++) {
		const struct hist *h = &r->timings[i];
		if (h->count == 0)
			continue;
		value_text(UNIT_COUNT, (double)h->count, text);
		buf_addf(out, "%-14s %10s", timing_word(i), text);
		for (unsigned k = 0; k < SHOWN_PERCENTS; k++) {
			value_text(UNIT_TIME, (double)hist_percentile(h, shown_percents[k]), text);
			buf_addf(out, " %10s", text);
		}
		buf_addc(out, '\n');
	}
	value_text(UNIT_RATE, r->counts[COUNT_RATE_ACKED], text);
	buf_addf(out, "\n%.0f sends acknowledged (%s), %.0f errors, %.0f unknown, %.0f replayed\n",
		r->counts[COUNT_ACKED], text, r->counts[COUNT_ERR_ALL], r->counts[COUNT_UNKNOWN],
		r->counts[COUNT_REPLAYED]);
	for (unsigned i = 0; i < j.n; i++) {
		value_text(j.thresholds[i].t->metric.unit, j.thresholds[i].value, text);
		buf_addf(out, "%-8s %s (%s)\n", j.thresholds[i].met ? "met" : "MISSED", j.thresholds[i].t->text,
			j.thresholds[i].measured ? text : "nothing measured");
	}
	text_offenders(r, out);
	buf_addf(out, "%s: %s%s\n", j.word, j.why, r->interrupted ? " (interrupted)" : "");
	return out->failed ? -1 : 0;
}
