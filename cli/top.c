#include "cli/top.h"
#include "cli/human.h"
#include <math.h>
#include <stdio.h>

enum from { GAUGE, RATE, CODES, P50, P99 };
static const struct {
	const char *key;
	enum from from;
	const char *names;
} sources[] = {
#define FIGURE_ROW(name, key, from, names) [FIGURE_##name] = {key, from, names},
	FIGURES(FIGURE_ROW)
#undef FIGURE_ROW
};

/* ---- figures ---- */

static double number(const cJSON *o, const char *name, double otherwise)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsNumber(v) ? v->valuedouble : otherwise;
}

static double gauge(const cJSON *now, const char *name)
{
	return number(cJSON_GetObjectItemCaseSensitive(now, "gauges"), name, -1);
}

/* The sum of the counters whose names stand in names, parted by blanks. */
static double counters(const cJSON *stats, const char *names)
{
	const cJSON *all = cJSON_GetObjectItemCaseSensitive(stats, "counters");
	char name[96];
	double sum = 0;

	while (*names) {
		size_t n = strcspn(names, " ");
		snprintf(name, sizeof name, "%.*s", (int)n, names);
		sum += number(all, name, 0);
		names += n + (names[n] == ' ');
	}
	return sum;
}

/* The sum of those that begin so. */
static double codes(const cJSON *stats, const char *prefix)
{
	const cJSON *all = cJSON_GetObjectItemCaseSensitive(stats, "counters"), *v;
	double sum = 0;

	cJSON_ArrayForEach(v, all)
	{
		if (cJSON_IsNumber(v) && strncmp(v->string, prefix, strlen(prefix)) == 0)
			sum += v->valuedouble;
	}
	return sum;
}

static const cJSON *buckets(const cJSON *stats, const char *name)
{
	const cJSON *times = cJSON_GetObjectItemCaseSensitive(stats, "times");

	return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(times, name), "buckets");
}

static double at(const cJSON *pair, int i)
{
	const cJSON *v = cJSON_GetArrayItem(pair, i);

	return cJSON_IsNumber(v) ? v->valuedouble : 0;
}

/* Walks two lists of [highest value, number], both rising, only what is not 0 in them: how many came into the bucket of `now`. *old moves along. */
static double came(const cJSON *now, const cJSON **old)
{
	while (*old && at(*old, 0) < at(now, 0))
		*old = (*old)->next;
	double n = at(now, 1) - (*old && at(*old, 0) == at(now, 0) ? at(*old, 1) : 0);
	return n > 0 ? n : 0;
}

static double percentile(const cJSON *before, const cJSON *now, const char *name, double share)
{
	const cJSON *list = buckets(now, name), *was = buckets(before, name), *b, *old = was ? was->child : NULL;
	double all = 0, n = 0;

	cJSON_ArrayForEach(b, list) all += came(b, &old);
	old = was ? was->child : NULL;
	cJSON_ArrayForEach(b, list)
	{
		n += came(b, &old);
		if (n > 0 && n >= ceil(all * share))
			return at(b, 0);
	}
	return -1;
}

static double figure(enum figure f, const cJSON *before, const cJSON *now, double seconds)
{
	const char *names = sources[f].names;
	enum from from = sources[f].from;

	if (from == GAUGE)
		return gauge(now, names);
	if (from == P50 || from == P99)
		return percentile(before, now, names, from == P50 ? .5 : .99);
	double grown = from == RATE ? counters(now, names) - counters(before, names)
				    : codes(now, names) - codes(before, names);
	return grown > 0 ? grown / seconds : 0;
}

void figures_of(const cJSON *before, const cJSON *now, double seconds, struct figures *out)
{
	if (before && number(now, "uptime_s", 0) < number(before, "uptime_s", 0))
		before = NULL;
	for (unsigned i = 0; i < FIGURE_COUNT; i++)
		out->value[i] = figure((enum figure)i, before, now, seconds);
}

const char *figure_key(enum figure f)
{
	return sources[f].key;
}

cJSON *figures_json(const struct figures *f, const char *when, double seconds)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "at", when);
	cJSON_AddNumberToObject(o, "interval_s", round(seconds * 1000) / 1000);
	for (unsigned i = 0; i < FIGURE_COUNT; i++)
		if (f->value[i] < 0)
			cJSON_AddNullToObject(o, sources[i].key);
		else
			cJSON_AddNumberToObject(o, sources[i].key, round(f->value[i] * 10) / 10);
	return o;
}

/* ---- the screen ---- */

void top_add(struct top *t, const struct figures *f)
{
	t->history[t->n % TOP_HISTORY] = *f;
	t->n++;
	/* Only what is in the ring counts; the number must not wrap. */
	if (t->n == 2 * TOP_HISTORY)
		t->n = TOP_HISTORY;
}

static const struct figures *newest(const struct top *t)
{
	return &t->history[(t->n + TOP_HISTORY - 1) % TOP_HISTORY];
}

/* A line of the screen, cut; nothing when the screen is full. */
struct page {
	const struct top *t;
	unsigned width, left;
	struct buf *out;
	bool begun;
};

static void add_line(struct page *p, struct str text, bool strong)
{
	unsigned columns;
	struct buf cut;

	if (p->left == 0)
		return;
	p->left--;
	if (p->begun)
		buf_addc(p->out, '\n');
	p->begun = true;
	buf_init(&cut, 65536);
	pad_text(&cut, text, p->width, false);
	struct str shown = buf_str(&cut);
	while (shown.n && shown.p[shown.n - 1] == ' ')
		shown.n--;
	columns = (unsigned)shown.n;
	if (strong && p->t->styled && columns)
		buf_adds(p->out, "\033[1m");
	buf_addstr(p->out, shown);
	if (strong && p->t->styled && columns)
		buf_adds(p->out, "\033[m");
	buf_release(&cut);
}

static void end_line(struct page *p, struct buf *line, bool strong)
{
	add_line(p, buf_str(line), strong);
	buf_reset(line);
}

static const char *shown(const struct figures *f, enum figure i, char text[HUMAN_MAX])
{
	double v = f->value[i];
	enum from from = sources[i].from;

	if (v < 0)
		return "-";
	if (from == P50 || from == P99)
		return human_us((uint64_t)v, text);
	if (from != GAUGE && v > 0 && v < 10)
		return snprintf(text, HUMAN_MAX, "%.1f", v), text;
	return human_count((uint64_t)(v + .5), text);
}

struct item {
	enum figure figure;
	const char *name;
};

/* "label        12 live   3 lagging" */
static void add_items(struct page *p, const char *label, const struct item *items, unsigned n)
{
	const struct figures *f = newest(p->t);
	struct buf line;
	char text[HUMAN_MAX];

	buf_init(&line, 4096);
	buf_addf(&line, "%-13s", label);
	for (unsigned i = 0; i < n; i++)
		buf_addf(&line, "%s%s %s", i ? "   " : "", shown(f, items[i].figure, text), items[i].name);
	end_line(p, &line, false);
	buf_release(&line);
}

static const char *word(const cJSON *o, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	return cJSON_IsString(v) ? v->valuestring : "-";
}

static void add_head(struct page *p)
{
	static const struct column listen = {"listen", "", CELL_TEXT};
	const struct top *t = p->t;
	struct buf line, left;
	char text[HUMAN_MAX];
	const cJSON *where = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(t->info, "listen"), 0);
	cJSON *o = cJSON_CreateObject();

	buf_init(&line, 4096);
	buf_init(&left, 4096);
	if (cJSON_IsString(where))
		cJSON_AddStringToObject(o, "listen", where->valuestring);
	buf_addf(&left, "chatd %.20s  %s  up %s  ", word(t->info, "version"), word(t->info, "state"),
		human_us((uint64_t)number(t->info, "uptime_s", 0) * 1000000, text));
	cell_text(t->cli, &listen, o, &left);
	buf_addf(&left, "  every %.3g s", t->interval_s);
	pad_text(&line, buf_str(&left), p->width > 9 ? p->width - 9 : p->width, false);
	buf_addf(&line, " %s", t->clock);
	end_line(p, &line, true);
	if (t->trouble) {
		buf_addf(&line, "no new figures: %s", t->trouble);
		end_line(p, &line, true);
	}
	cJSON_Delete(o);
	buf_release(&left);
	buf_release(&line);
}

static void add_latency(struct page *p)
{
	static const struct {
		const char *name;
		enum figure p50, p99;
	} rows[] = {{"queue", FIGURE_QUEUE_P50, FIGURE_QUEUE_P99}, {"commit", FIGURE_COMMIT_P50, FIGURE_COMMIT_P99},
		{"push", FIGURE_PUSH_P50, FIGURE_PUSH_P99}};
	struct buf line;
	char a[HUMAN_MAX], b[HUMAN_MAX];

	buf_init(&line, 4096);
	buf_adds(&line, "p50 / p99    ");
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		buf_addf(&line, "%s%s %s / %s", i ? "   " : "", rows[i].name, shown(newest(p->t), rows[i].p50, a),
			shown(newest(p->t), rows[i].p99, b));
	end_line(p, &line, false);
	buf_release(&line);
}

static uint64_t whole(const struct figures *f, enum figure i)
{
	return f->value[i] > 0 ? (uint64_t)f->value[i] : 0;
}

static void add_waiting(struct page *p)
{
	const struct figures *f = newest(p->t);
	struct buf line;
	char a[HUMAN_MAX], b[HUMAN_MAX], c[HUMAN_MAX], d[HUMAN_MAX], e[HUMAN_MAX];

	buf_init(&line, 4096);
	buf_addf(&line, "waiting      queue %s (%s)   sockets %s", human_count(whole(f, FIGURE_QUEUE_DEPTH), a),
		human_bytes(whole(f, FIGURE_QUEUE_BYTES), b), human_bytes(whole(f, FIGURE_OUT_BYTES), c));
	if (f->value[FIGURE_LAG_MAX_MS] > 0 || f->value[FIGURE_LAG_MAX] > 0)
		buf_addf(&line, "   furthest behind %s, %s", human_bytes(whole(f, FIGURE_LAG_MAX), d),
			human_us(whole(f, FIGURE_LAG_MAX_MS) * 1000, e));
	end_line(p, &line, false);
	buf_release(&line);
}

static void add_space(struct page *p)
{
	const struct top *t = p->t;
	const cJSON *journal = cJSON_GetObjectItemCaseSensitive(t->info, "journal");
	struct buf line;
	char a[HUMAN_MAX], b[HUMAN_MAX];

	buf_init(&line, 4096);
	buf_addf(&line, "space        journal %s in %.0f segments",
		human_bytes((uint64_t)number(journal, "bytes", 0), a), number(journal, "segments", 0));
	if (t->disk_size > 0)
		buf_addf(&line, "   disk %s free of %s", human_bytes((uint64_t)t->disk_free, a),
			human_bytes((uint64_t)t->disk_size, b));
	end_line(p, &line, false);
	buf_release(&line);
}

/* Each value between nothing and the highest one; what is not known is a blank. */
static void add_spark(struct page *p, const char *label, enum figure figure)
{
	static const char *const blocks[] = {
		"\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588"};
	static const char ascii[] = "_.-:=+*#";
	const struct top *t = p->t;
	unsigned n = t->n < TOP_HISTORY ? t->n : TOP_HISTORY, room = p->width > 34 ? p->width - 34 : 0;
	double max = 0;
	struct buf line;
	char text[HUMAN_MAX];
	struct figures highest;

	n = n < room ? n : room;
	buf_init(&line, 4096);
	buf_addf(&line, "%-13s", label);
	for (unsigned i = t->n - n; i < t->n; i++)
		max = fmax(max, t->history[i % TOP_HISTORY].value[figure]);
	for (unsigned i = t->n - n; i < t->n; i++) {
		double v = t->history[i % TOP_HISTORY].value[figure];
		unsigned level = max > 0 ? (unsigned)(v / max * 7 + .5) : 0;
		if (v < 0)
			buf_addc(&line, ' ');
		else if (t->utf8)
			buf_adds(&line, blocks[level]);
		else
			buf_addc(&line, ascii[level]);
	}
	highest.value[figure] = max;
	buf_addf(&line, "  max %s", shown(&highest, figure, text));
	end_line(p, &line, false);
	buf_release(&line);
}

static void add_slowest(struct page *p)
{
	static const struct column columns[] = {{"id", "ID", CELL_TEXT}, {"user", "USER", CELL_TEXT},
		{"state", "STATE", CELL_TEXT}, {"lag_events", "LAG", CELL_NUMBER}, {"out_bytes", "OUT", CELL_BYTES},
		{"idle_ms", "IDLE", CELL_MS}, {"pushed", "PUSHED", CELL_NUMBER}, {"address", "ADDRESS", CELL_TEXT},
		{"device", "DEVICE", CELL_TEXT}, {NULL, NULL, CELL_TEXT}};
	struct buf rows;
	bool first = true;

	buf_init(&rows, 1 << 20);
	table_text(p->t->cli, columns, p->t->conns, &rows);
	for (size_t at_byte = 0; at_byte < rows.len;) {
		const char *line = rows.data + at_byte, *end = memchr(line, '\n', rows.len - at_byte);
		struct str text = {line, end ? (size_t)(end - line) : rows.len - at_byte};
		add_line(p, text, first);
		at_byte += text.n + 1;
		first = false;
	}
	buf_release(&rows);
}

void top_draw(const struct top *t, unsigned width, unsigned height, struct buf *out)
{
	static const struct item connections[] = {{FIGURE_LIVE, "live"}, {FIGURE_CATCHING_UP, "catching up"},
		{FIGURE_LAGGING, "lagging"}, {FIGURE_HANDSHAKE, "handshake"}, {FIGURE_HTTP, "http"}};
	static const struct item messages[] = {{FIGURE_RECEIVED, "received"}, {FIGURE_DURABLE, "durable"},
		{FIGURE_PUSHED, "pushed"}, {FIGURE_REPLAYED, "replayed"}, {FIGURE_REFUSED, "refused"}};
	static const struct item answers[] = {{FIGURE_ANSWERS_2XX, "2xx"}, {FIGURE_ANSWERS_4XX, "4xx"},
		{FIGURE_ANSWERS_5XX, "5xx"}, {FIGURE_COMMITS, "commits"}};
	struct page p = {.t = t, .width = width, .left = height, .out = out};

	add_head(&p);
	add_items(&p, "connections", connections, sizeof connections / sizeof *connections);
	add_items(&p, "messages/s", messages, sizeof messages / sizeof *messages);
	add_items(&p, "answers/s", answers, sizeof answers / sizeof *answers);
	add_latency(&p);
	add_waiting(&p);
	add_space(&p);
	if (height >= 16) {
		add_line(&p, STR(""), false);
		add_spark(&p, "durable/s", FIGURE_DURABLE);
		add_spark(&p, "pushed/s", FIGURE_PUSHED);
		add_spark(&p, "commit p99", FIGURE_COMMIT_P99);
		add_spark(&p, "push p99", FIGURE_PUSH_P99);
	}
	if (p.left > 2 && cJSON_GetArraySize(t->conns)) {
		add_line(&p, STR(""), false);
		add_slowest(&p);
	}
}

/* ---- lines ---- */

static const struct {
	const char *name;
	enum figure figure;
	int width;
} line_columns[] = {{"LIVE", FIGURE_LIVE, 7}, {"BEHIND", FIGURE_LAGGING, 6}, {"RECV/S", FIGURE_RECEIVED, 8},
	{"DURABLE/S", FIGURE_DURABLE, 9}, {"PUSHED/S", FIGURE_PUSHED, 9}, {"4XX/S", FIGURE_ANSWERS_4XX, 6},
	{"5XX/S", FIGURE_ANSWERS_5XX, 6}, {"COMMIT50", FIGURE_COMMIT_P50, 8}, {"COMMIT99", FIGURE_COMMIT_P99, 8},
	{"PUSH99", FIGURE_PUSH_P99, 8}, {"QUEUE", FIGURE_QUEUE_DEPTH, 7}};
enum { LINE_COLUMNS = sizeof line_columns / sizeof *line_columns };

void top_line_names(struct buf *out)
{
	buf_adds(out, "TIME    ");
	for (unsigned i = 0; i < LINE_COLUMNS; i++)
		buf_addf(out, "  %*s", line_columns[i].width, line_columns[i].name);
	buf_addc(out, '\n');
}

void top_line(const struct figures *f, const char *clock, struct buf *out)
{
	char text[HUMAN_MAX];
	struct figures behind = *f;

	/* Sockets that catch up and sockets that lag are both behind. */
	if (f->value[FIGURE_CATCHING_UP] > 0)
		behind.value[FIGURE_LAGGING] += f->value[FIGURE_CATCHING_UP];
	buf_addf(out, "%-8s", clock);
	for (unsigned i = 0; i < LINE_COLUMNS; i++)
		buf_addf(out, "  %*s", line_columns[i].width, shown(&behind, line_columns[i].figure, text));
	buf_addc(out, '\n');
}
