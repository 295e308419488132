#include "cli/bench/plan.h"
#include "cli/bench/chart.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const struct plan_input plan_defaults = {
	.growth = 1, .peak = 1, .per_partition = 10000, .headroom = 0.7, .replication = 3, .days = 365};

int plan_number(const char *text, double *out)
{
	static const struct {
		const char *suffix;
		double times;
	} units[] = {{"", 1}, {"k", 1e3}, {"K", 1e3}, {"M", 1e6}, {"B", 1e9}, {"G", 1e9}, {"T", 1e12}};
	char *end;

	if (text[0] < '0' || text[0] > '9' || strspn(text, "0123456789.kKMBGT") != strlen(text))
		return -1;
	*out = strtod(text, &end);
	for (unsigned i = 0; i < sizeof units / sizeof *units; i++)
		if (strcmp(end, units[i].suffix) == 0) {
			*out *= units[i].times;
			return *out > 0 && *out <= 1e18 ? 0 : -1;
		}
	return -1;
}

static struct plan_rates rates(const struct plan_input *in, double growth)
{
	struct plan_rates r = {.daily = in->daily * growth, .day_bytes = in->daily * in->bytes * growth};

	/* Whole messages a second before anything is multiplied: 10 B a day are 115,740/s, and 231,480/s once doubled. */
	r.mean = floor(floor(in->daily / 86400) * growth);
	r.peak = floor(r.mean * in->peak);
	r.year_bytes = r.day_bytes * 365;
	r.peak_bits = r.peak * in->bytes * 8;
	return r;
}

void plan_make(const struct plan_input *in, struct plan *p)
{
	*p = (struct plan){.in = *in, .today = rates(in, 1), .grown = rates(in, in->growth)};
	p->kept_bytes = p->grown.day_bytes * in->days * in->replication;
	p->partitions = (unsigned)fmin(fmax(1, ceil(p->grown.peak / in->per_partition)), 1e9);
	if (in->per_node > 0) {
		p->nodes = (unsigned)fmin(ceil(p->grown.peak / (in->per_node * in->headroom)), 1e9) + 1;
		/* Fewer copies cannot be than there are nodes to keep them. */
		if (p->nodes < in->replication)
			p->nodes = in->replication;
		/* So that each node leads as many as any other. */
		p->partitions = (p->partitions + p->nodes - 1) / p->nodes * p->nodes;
		p->node_bytes = p->kept_bytes / p->nodes;
	}
}

/* 2 TB, 730 TB, 1.5 PB: powers of 1,000, two digits where there is a point. */
static void bytes_text(double v, char out[32])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB"};
	unsigned i = 0;

	for (; v >= 999.5 && i < 7; i++)
		v /= 1000;
	if (v < 9.95 && fabs(v - round(v)) > 0.049)
		snprintf(out, 32, "%.1f %s", v, units[i]);
	else
		snprintf(out, 32, "%.0f %s", v, units[i]);
}

static void count_text(double v, char out[32])
{
	char plain[32];
	int n = snprintf(plain, sizeof plain, "%.0f", v < 1e18 ? v : 1e18), at = 0;

	for (int i = 0; i < n && at < 30; i++) {
		if (i && (n - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = plain[i];
	}
	out[at] = 0;
}

static void bits_text(double v, char out[32])
{
	snprintf(out, 32, v < 1e9 ? "%.3g Mbit/s" : "%.3g Gbit/s", v < 1e9 ? v / 1e6 : v / 1e9);
}

struct plan_row {
	const char *name;
	double today, grown;
	void (*text)(double v, char out[32]);
};
enum { ROWS = 6 };

static void rows_of(const struct plan *p, struct plan_row rows[ROWS])
{
	const struct plan_rates *a = &p->today, *b = &p->grown;

	rows[0] = (struct plan_row){"messages a day", a->daily, b->daily, count_text};
	rows[1] = (struct plan_row){"messages a second, mean", a->mean, b->mean, count_text};
	rows[2] = (struct plan_row){"messages a second, peak", a->peak, b->peak, count_text};
	rows[3] = (struct plan_row){"inbound at the peak", a->peak_bits, b->peak_bits, bits_text};
	rows[4] = (struct plan_row){"storage a day", a->day_bytes, b->day_bytes, bytes_text};
	rows[5] = (struct plan_row){"storage a year", a->year_bytes, b->year_bytes, bytes_text};
}

/* What it takes: name and value, through `add`, which puts a table's row. */
static void needs(const struct plan *p, struct buf *out,
	void (*add)(struct buf *out, const char *name, const char *value, const char *why))
{
	char value[40], why[120], share[32];

	bytes_text(p->kept_bytes, value);
	snprintf(why, sizeof why, "%u days, %u copies", p->in.days, p->in.replication);
	add(out, "storage kept", value, why);
	count_text(p->partitions, value);
	snprintf(why, sizeof why, "%.0f messages/s each", p->in.per_partition);
	add(out, "partitions", value, why);
	if (p->nodes == 0) {
		add(out, "nodes", "?", "give --per-node R, what one carries");
		return;
	}
	count_text(p->nodes, value);
	snprintf(why, sizeof why, "%.0f messages/s each, planned with %.0f %% of it, and one to spare", p->in.per_node,
		p->in.headroom * 100);
	add(out, "nodes", value, why);
	bytes_text(p->node_bytes, share);
	add(out, "storage a node", share, "kept storage over all nodes");
}

static void add_text(struct buf *out, const char *name, const char *value, const char *why)
{
	buf_addf(out, "%-26s %18s   %s\n", name, value, why);
}

void plan_table(const struct plan *p, struct buf *out)
{
	struct plan_row rows[ROWS];
	char a[32], b[32], head[32];

	rows_of(p, rows);
	snprintf(head, sizeof head, "x %.4g", p->in.growth);
	buf_addf(out, "%-26s %18s %18s\n", "", "today", head);
	for (unsigned i = 0; i < ROWS; i++) {
		rows[i].text(rows[i].today, a);
		rows[i].text(rows[i].grown, b);
		buf_addf(out, "%-26s %18s %18s\n", rows[i].name, a, b);
	}
	buf_adds(out, "\nwhat the grown system takes\n");
	needs(p, out, add_text);
}

static void rates_json(const char *name, const struct plan_rates *r, struct buf *out)
{
	buf_addf(out,
		"\"%s\":{\"messages_per_day\":%.0f,\"messages_per_second\":%.0f,\"peak_messages_per_second\":%.0f,"
		"\"peak_bits_per_second\":%.0f,"
		"\"bytes_per_day\":%.0f,\"bytes_per_year\":%.0f},",
		name, r->daily, r->mean, r->peak, r->peak_bits, r->day_bytes, r->year_bytes);
}

void plan_json(const struct plan *p, struct buf *out)
{
	const struct plan_input *in = &p->in;

	buf_addf(out,
		"{\"input\":{\"daily\":%.0f,\"bytes\":%.0f,\"growth\":%.6g,\"peak\":%.6g,\"per_node\":%.0f,\"per_"
		"partition\":%.0f,"
		"\"headroom\":%.4g,\"replication\":%u,\"days\":%u},",
		in->daily, in->bytes, in->growth, in->peak, in->per_node, in->per_partition, in->headroom,
		in->replication, in->days);
	rates_json("today", &p->today, out);
	rates_json("grown", &p->grown, out);
	buf_addf(out, "\"kept_bytes\":%.0f,\"partitions\":%u,", p->kept_bytes, p->partitions);
	if (p->nodes)
		buf_addf(out, "\"nodes\":%u,\"node_bytes\":%.0f}\n", p->nodes, p->node_bytes);
	else
		buf_adds(out, "\"nodes\":null,\"node_bytes\":null}\n");
}

/* ---- the page ---- */

static void add_html(struct buf *out, const char *name, const char *value, const char *why)
{
	buf_addf(out, "<tr><td>%s<td class=r>%s<td class=n>%s", name, value, why);
}

/* A year in which the load grows steadily from today's to the grown one. */
static void year(const struct plan *p, struct buf *out)
{
	enum { MONTHS = 13 };
	double month[MONTHS], mean[MONTHS], peak[MONTHS], one[MONTHS], all[MONTHS], sum = 0;

	for (unsigned i = 0; i < MONTHS; i++) {
		double growth = 1 + (p->in.growth - 1) * i / (MONTHS - 1);
		if (i > 0)
			sum += p->today.day_bytes * 365 / 12 * (1 + (p->in.growth - 1) * (i - 0.5) / (MONTHS - 1));
		month[i] = i;
		mean[i] = p->today.mean * growth;
		peak[i] = p->today.peak * growth;
		one[i] = sum;
		all[i] = sum * p->in.replication;
	}
	chart_draw(&(struct chart){.title = "Messages a second",
			   .y_name = "over a year of steady growth",
			   .x_name = "month",
			   .n = 2,
			   .lines = {{"mean", month, mean, MONTHS}, {"peak", month, peak, MONTHS}},
			   .y_label = count_text},
		out);
	chart_draw(&(struct chart){.title = "Storage",
			   .y_name = "added up over that year",
			   .x_name = "month",
			   .n = 2,
			   .lines = {{"one copy", month, one, MONTHS}, {"with all copies", month, all, MONTHS}},
			   .y_label = bytes_text},
		out);
}

void plan_html(const struct plan *p, struct buf *out)
{
	struct plan_row rows[ROWS];
	char a[32], b[32];

	rows_of(p, rows);
	html_begin(out, "Capacity plan");
	count_text(p->in.daily, a);
	buf_addf(out, "<h1>Capacity plan</h1><p class=n>%s messages a day of %.0f bytes, growth %.4g, peak %.4g</p>\n",
		a, p->in.bytes, p->in.growth, p->in.peak);
	buf_addf(out, "<div class=w><table><tr><th><th class=r>today<th class=r>&times; %.4g", p->in.growth);
	for (unsigned i = 0; i < ROWS; i++) {
		rows[i].text(rows[i].today, a);
		rows[i].text(rows[i].grown, b);
		buf_addf(out, "<tr><td>%s<td class=r>%s<td class=r>%s", rows[i].name, a, b);
	}
	buf_adds(out, "</table></div><h2>What the grown system takes</h2><div class=w><table>");
	needs(p, out, add_html);
	buf_adds(out, "</table></div>\n");
	year(p, out);
	html_end(out);
}
