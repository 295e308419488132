#include "cli/admin.h"
#include "cli/screen.h"
#include "cli/top.h"
#include "common/base/clock.h"
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <time.h>

enum {
	INTERVAL_MIN_MS = 100,
	INTERVAL_MAX_MS = 3600000,
	SLOWEST = 50,
	CALL_MS = 3000,
	BATCH_MAX = 1000000,
	NAMES_EVERY = 20
};

struct watching {
	struct cli *cli;
	struct top top;
	cJSON *stats, *info, *conns; /* of the last answers */
	uint64_t at_us;              /* when stats were asked for, monotonic */
	double seconds;              /* between the last two */
	char trouble[256];
	unsigned interval_ms;
};

/* Without a word: while a screen is shown there is no place for it. */
static cJSON *fetch(struct watching *w, const char *path, bool silent, int *rc)
{
	struct http_answer a;

	*rc = admin_request(w->cli, "GET", path, NULL, true, silent, &a);
	cJSON *o = *rc == EXIT_DONE ? cJSON_Parse(a.body.data) : NULL;
	if (*rc == EXIT_DONE && !o)
		*rc = EXIT_FAILED;
	if (*rc && a.status)
		snprintf(w->trouble, sizeof w->trouble, "chatd answers %d", a.status);
	else if (*rc)
		snprintf(w->trouble, sizeof w->trouble, "%.200s", a.why);
	http_answer_release(&a);
	return o;
}

static void replace(cJSON **old, cJSON *new)
{
	cJSON_Delete(*old);
	*old = new;
}

/* The disk that chatd's data are on, when that is one of this machine. */
static void look_at_disk(struct watching *w)
{
	const cJSON *data = cJSON_GetObjectItemCaseSensitive(w->info, "data");
	const char *socket = http_client_where(w->cli->admin);
	struct statvfs v;

	w->top.disk_size = -1;
	if (strstr(socket, "://") || !cJSON_IsString(data))
		return;
	/* chatd's own way to its data says little from another folder. */
	if (statvfs(data->valuestring[0] == '/' ? data->valuestring : socket, &v))
		return;
	w->top.disk_free = (double)v.f_bavail * (double)v.f_frsize;
	w->top.disk_size = (double)v.f_blocks * (double)v.f_frsize;
}

static void tell_time(const struct cli *c, char out[16])
{
	time_t now = (time_t)(clock_wall_ms() / 1000);
	struct tm tm;

	out[0] = 0;
	if (c->utc ? gmtime_r(&now, &tm) : localtime_r(&now, &tm))
		strftime(out, 16, "%T", &tm);
}

/* The next answer; figures of the time since the one before, when there is one. An exit code. */
static int sample(struct watching *w, bool silent, struct figures *out, bool *have)
{
	uint64_t now_us = clock_mono_us();
	int rc;
	cJSON *stats = fetch(w, "/admin/stats", silent, &rc);

	*have = false;
	if (!stats)
		return rc;
	if (w->stats) {
		w->seconds = fmax((double)(now_us - w->at_us) / 1e6, 1e-3);
		figures_of(w->stats, stats, w->seconds, out);
		*have = true;
	}
	replace(&w->stats, stats);
	w->at_us = now_us;
	return EXIT_DONE;
}

static void details(struct watching *w)
{
	char path[64];
	int rc;
	cJSON *info = fetch(w, "/admin/info", true, &rc), *conns;

	snprintf(path, sizeof path, "/admin/conns?sort=lag&limit=%d", SLOWEST);
	conns = fetch(w, path, true, &rc);
	if (info)
		replace(&w->info, info);
	if (conns)
		replace(&w->conns, conns);
	w->top.info = w->info;
	w->top.conns = w->conns;
	look_at_disk(w);
}

/* ---- lines and samples ---- */

static void line(struct watching *w, const struct figures *f, unsigned n)
{
	struct buf b;
	char clock[16];

	buf_init(&b, 4096);
	tell_time(w->cli, clock);
	if (n % NAMES_EVERY == 0)
		top_line_names(&b);
	top_line(f, clock, &b);
	fwrite(b.data, 1, b.len, stdout);
	buf_release(&b);
}

static int put_sample(struct watching *w, struct out *out, const struct figures *f)
{
	char at[CLOCK_TEXT + 1];

	clock_format(clock_wall_ms(), at);
	cJSON *o = figures_json(f, at, w->seconds);
	int rc = out_item(out, o);
	cJSON_Delete(o);
	return rc;
}

static void pause_until(uint64_t us)
{
	uint64_t now = clock_mono_us();

	if (us > now)
		nanosleep(&(struct timespec){.tv_sec = (time_t)((us - now) / 1000000),
				  .tv_nsec = (long)((us - now) % 1000000) * 1000},
			NULL);
}

/* batch 0: until it is ended. */
static int run_lines(struct watching *w, unsigned batch)
{
	const char *columns[FIGURE_COUNT + 3] = {"at", "interval_s"};
	struct cli *c = w->cli;
	struct out out;
	struct figures f;
	unsigned n = 0;
	bool have;
	int rc;

	for (unsigned i = 0; i < FIGURE_COUNT; i++)
		columns[i + 2] = figure_key((enum figure)i);
	if (c->mode == OUT_JSON && !batch)
		c->mode = OUT_JSONL;
	rc = sample(w, false, &f, &have);
	if (rc)
		return rc;
	out_begin(&out, c, columns, false);
	while (rc == EXIT_DONE && (!batch || n < batch)) {
		if (c->deadline_us && c->deadline_us < w->at_us + w->interval_ms * 1000ull) {
			pause_until(c->deadline_us);
			rc = EXIT_TIMEOUT;
			break;
		}
		pause_until(w->at_us + w->interval_ms * 1000ull);
		rc = sample(w, false, &f, &have);
		if (!have)
			continue;
		if (c->mode == OUT_TEXT)
			line(w, &f, n);
		if (c->mode == OUT_TEXT ? out_flush() : put_sample(w, &out, &f))
			rc = cli_fail(EXIT_FAILED, "cannot write to stdout");
		n++;
	}
	if (c->mode != OUT_TEXT && out_end(&out) && rc == EXIT_DONE)
		rc = cli_fail(EXIT_FAILED, "cannot write to stdout");
	return rc;
}

/* ---- the screen ---- */

static void show(struct watching *w)
{
	unsigned width, height;
	struct buf b;

	buf_init(&b, 1 << 20);
	tell_time(w->cli, w->top.clock);
	screen_size(&width, &height);
	top_draw(&w->top, width, height, &b);
	screen_show(buf_str(&b));
	buf_release(&b);
}

static void refresh(struct watching *w)
{
	struct figures f;
	bool have;

	w->top.trouble = sample(w, true, &f, &have) ? w->trouble : NULL;
	if (have)
		top_add(&w->top, &f);
	if (!w->top.trouble)
		details(w);
}

/* Until q or a signal. An exit code. */
static int run_screen(struct watching *w)
{
	uint64_t next_us = clock_mono_us();
	struct figures f = {0};
	bool have;
	int key = 0, rc = sample(w, false, &f, &have);

	if (rc)
		return rc;
	/* Something to look at while the first interval runs: what was since the start. */
	figures_of(NULL, w->stats, fmax(cJSON_GetNumberValue(cJSON_GetObjectItem(w->stats, "uptime_s")), 1), &f);
	top_add(&w->top, &f);
	details(w);
	if (screen_open())
		return cli_fail(EXIT_FAILED, "there is no terminal");
	while (key >= 0 && key != 'q' && key != 'Q' && key != 3) {
		uint64_t now = clock_mono_us();
		if (now >= next_us) {
			next_us = now + w->interval_ms * 1000ull;
			if (now > w->at_us + w->interval_ms * 500ull)
				refresh(w);
		}
		show(w);
		now = clock_mono_us();
		key = screen_wait(next_us > now ? (unsigned)((next_us - now) / 1000) + 1 : 1);
	}
	screen_close();
	return key == -SIGALRM ? EXIT_TIMEOUT : key < 0 || key == 3 ? EXIT_INTERRUPTED : EXIT_DONE;
}

static bool wants_color(const struct cli *c)
{
	const char *no = getenv("NO_COLOR");

	return !cli_switch(c, "no-color") && !(no && *no);
}

static int exec_top(struct cli *c)
{
	struct watching w = {.cli = c, .interval_ms = 1000};
	const char *text = cli_option(c, "interval");
	uint64_t ms = 1000;
	unsigned batch;
	int rc = cli_number(c, "batch", 1, BATCH_MAX, 0, &batch);

	if (rc)
		return rc;
	if (text && (duration_parse(text, &ms) || ms < INTERVAL_MIN_MS || ms > INTERVAL_MAX_MS))
		return cli_fail(EXIT_USAGE, "--interval is a time from 100ms to 1h, not \"%s\"", text);
	w.interval_ms = (unsigned)ms;
	w.top = (struct top){
		.cli = c, .utf8 = screen_utf8(), .styled = wants_color(c), .interval_s = (double)ms / 1000};
	c->call_max_ms = CALL_MS;
	if (!batch && c->mode == OUT_TEXT && screen_possible()) {
		c->retries = 0;
		rc = run_screen(&w);
	} else {
		rc = run_lines(&w, batch);
	}
	cJSON_Delete(w.stats);
	cJSON_Delete(w.info);
	cJSON_Delete(w.conns);
	return rc;
}

static const struct cli_option options[] = {
	ADMIN_OPTIONS,
	{"interval", 0, "TIME", "from one look to the next, 100ms to 1h (default 1s)", COMPLETE_NONE, false},
	{"batch", 0, "N", "no screen: N samples, then end", COMPLETE_NONE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_top = {
	.name = "top",
	.args = "",
	.summary = "what a chatd does right now: for operators",
	.text = "Shows, once a second, connections by state, messages a second, commit and push latency, what waits, "
		"space, "
		"the last minute as a row of bars, and the connections that are furthest behind. Rates and percentiles "
		"are those of the last interval; commit is from taking up the first message of a batch to its "
		"durability, push from there to the sockets' buffers, queue the wait before both. q ends it. Off a "
		"terminal, or with TERM=dumb, it prints a line an interval; with -o json, jsonl, csv or tsv a sample, "
		"until it is interrupted or --batch N are there.",
	.examples = "chatctl top --admin /var/lib/chatd\nchatctl top --interval 5s\nchatctl top --batch 60 -o csv > "
		    "minute.csv",
	.options = options,
	.max_args = 0,
	.need = NEED_CONTEXT,
	.exec = exec_top,
};
