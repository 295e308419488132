/* check: one measurement, judged as a plugin of Nagios does it. */
#include "cli/local.h"
#include "cli/out.h"
#include "common/base/clock.h"
#include "common/client/stream.h"
#include "common/msg.h"
#include "common/text/sanitise.h"
#include <ctype.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <unistd.h>

enum state { STATE_OK, STATE_WARNING, STATE_CRITICAL, STATE_UNKNOWN };
static const char *const state_words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

/* A range as the guidelines for plugins have it: what is outside of it (inside: in it) is alarming. */
struct range {
	const char *text; /* as it was given; NULL: none */
	double low, high;
	bool inside, percent;
};

struct perf {
	const char *label, *unit; /* unit: "ms", "B" or empty */
	double value, most;       /* most: what is possible at most; 0: not known */
};
enum { PERF_MAX = 4 };

struct check {
	struct cli *cli;
	const char *name, *format;
	const struct measure *measure;
	struct range warn, crit;
	enum state state;
	char text[700];
	struct perf perf[PERF_MAX]; /* the first one is judged */
	unsigned n;
};

enum unit { UNIT_MS, UNIT_FREE };
struct measure {
	const char *word, *warn, *crit; /* thresholds when none are given */
	enum unit unit;
	enum state late; /* what it is when the time is over */
	void (*run)(struct check *k);
};

static void say(struct check *k, enum state s, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void say(struct check *k, enum state s, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(k->text, sizeof k->text, fmt, args);
	va_end(args);
	k->state = s;
}

static void add_perf(struct check *k, const char *label, const char *unit, double value, double most)
{
	if (k->n < PERF_MAX)
		k->perf[k->n++] = (struct perf){label, unit, value, most};
}

static double ms_since(uint64_t us)
{
	return (double)(clock_mono_us() - us) / 1000;
}

/* ---- thresholds ---- */

/* "50ms" as ms; "10%" or "2G" of free space. -1: it is none. */
static int parse_value(const char *text, size_t n, enum unit unit, double *out, bool *percent)
{
	static const char sizes[] = "KMGT";
	char word[32], *end;
	uint64_t ms;

	if (n == 0 || n >= sizeof word || !isdigit((unsigned char)*text))
		return -1;
	memcpy(word, text, n);
	word[n] = 0;
	if (unit == UNIT_MS) {
		*out = 0;
		if (word[strspn(word, "0")] == 0)
			return 0;
		if (duration_parse(word, &ms))
			return -1;
		*out = (double)ms;
		return 0;
	}
	*out = strtod(word, &end);
	*percent = strcmp(end, "%") == 0;
	const char *size = *end && !end[1] ? strchr(sizes, *end) : NULL;
	for (const char *p = sizes; size && p <= size; p++)
		*out *= 1024;
	return *end && !size && !*percent ? -1 : 0;
}

/* "N", "N:", "N:M", "~:M", "@N:M". A plain N is the most that time may take, and the least that must be free. */
static int parse_range(const char *text, enum unit unit, struct range *r)
{
	const char *p = text, *colon;

	*r = (struct range){.text = text, .low = unit == UNIT_FREE ? 0 : -INFINITY, .high = INFINITY};
	r->inside = *p == '@';
	p += r->inside;
	colon = strchr(p, ':');
	if (!colon)
		return parse_value(p, strlen(p), unit, unit == UNIT_FREE ? &r->low : &r->high, &r->percent);
	if (colon - p == 1 && *p == '~')
		r->low = -INFINITY;
	else if (parse_value(p, (size_t)(colon - p), unit, &r->low, &r->percent))
		return -1;
	if (!colon[1])
		return 0;
	return parse_value(colon + 1, strlen(colon + 1), unit, &r->high, &r->percent) || r->low > r->high ? -1 : 0;
}

static bool alarming(const struct range *r, const struct perf *p)
{
	double v = r->percent ? p->most > 0 ? 100 * p->value / p->most : 100 : p->value;

	return (v < r->low || v > r->high) != r->inside;
}

static int parse_thresholds(struct check *k)
{
	const char *warn = cli_option(k->cli, "warn"), *crit = cli_option(k->cli, "crit");
	const char *what = k->measure->unit == UNIT_MS ? "a time such as 50ms or 2s" : "free space such as 10% or 2G";

	if (parse_range(warn ? warn : k->measure->warn, k->measure->unit, &k->warn))
		say(k, STATE_UNKNOWN, "--warn is %s, or a range of two (10:20), not \"%s\"", what, warn);
	else if (parse_range(crit ? crit : k->measure->crit, k->measure->unit, &k->crit))
		say(k, STATE_UNKNOWN, "--crit is %s, or a range of two (10:20), not \"%s\"", what, crit);
	else
		return 0;
	return -1;
}

/* After the measurement. */
static void judge(struct check *k)
{
	if (!k->n || k->state != STATE_OK)
		return;
	if (alarming(&k->crit, &k->perf[0]))
		k->state = STATE_CRITICAL;
	else if (alarming(&k->warn, &k->perf[0]))
		k->state = STATE_WARNING;
}

/* ---- conn ---- */

static unsigned left_ms(const struct cli *c)
{
	uint64_t left = cli_left_ms(c);

	return left > 100000 ? 100000 : (unsigned)left;
}

/* One GET. false: no answer with that status; then it was said. */
static bool get(struct check *k, const char *path, struct http_answer *a)
{
	struct cli *c = k->cli;

	*a = (struct http_answer){0};
	cli_hush(true);
	int rc = cli_open_http(c);
	cli_hush(false);
	if (rc) {
		say(k, STATE_UNKNOWN, "%s", cli_last_said());
		return false;
	}
	if (http_call(c->http, "GET", path, NULL, left_ms(c), c->verbose, a) != HTTP_ANSWERED) {
		say(k, STATE_CRITICAL, "%s: %s", c->profile.url, a->why);
		return false;
	}
	if (a->status == 200)
		return true;
	if (a->status == 401 || a->status == 403)
		say(k, STATE_UNKNOWN, "the login is no longer good; run: chatctl -c %s login %s", c->profile.name,
			c->profile.user[0] ? c->profile.user : "USER");
	else
		say(k, STATE_CRITICAL, "%s%s answers %d", c->profile.url, path, a->status);
	return false;
}

static void run_conn(struct check *k)
{
	struct http_answer a;
	uint64_t start_us = clock_mono_us(), asked_us;
	bool ok = get(k, "/readyz", &a);
	double ready_ms = ms_since(start_us), auth_ms = 0;

	if (ok && !strstr(a.body.data, "\"status\":\"ok\"")) {
		say(k, STATE_CRITICAL, "%s answers, but not as chatd does", k->cli->profile.url);
		ok = false;
	}
	http_answer_release(&a);
	if (ok && k->cli->profile.token[0]) {
		asked_us = clock_mono_us();
		ok = get(k, "/sessions", &a);
		http_answer_release(&a);
		auth_ms = ms_since(asked_us);
	}
	if (!ok)
		return;
	say(k, STATE_OK, "%s is ready, %.1f ms", k->cli->profile.url, ready_ms + auth_ms);
	add_perf(k, "conn", "ms", ready_ms + auth_ms, 0);
	add_perf(k, "ready", "ms", ready_ms, 0);
	if (k->cli->profile.token[0])
		add_perf(k, "auth", "ms", auth_ms, 0);
}

/* ---- roundtrip ---- */

struct trip {
	struct check *check;
	char client_id[40], id[65];
	uint64_t sent_us;
	double post_ms, trip_ms;
	bool back;
	int failed;
};

static const char *text_of(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
	return cJSON_IsString(v) ? v->valuestring : "";
}

static int send_off(struct trip *t, const char *me)
{
	struct cli *c = t->check->cli;
	struct http_answer a;
	char json[256];

	snprintf(json, sizeof json, "{\"to\":\"%s\",\"body\":\"chatctl check roundtrip\",\"client_id\":\"%s\"}", me,
		t->client_id);
	struct str body = str_of(json);
	t->sent_us = clock_mono_us();
	cli_hush(true);
	t->failed = cli_request(c, "POST", "/messages", &body, true, false, &a);
	cli_hush(false);
	t->post_ms = ms_since(t->sent_us);
	cJSON *answer = t->failed ? NULL : cJSON_Parse(a.body.data);
	snprintf(t->id, sizeof t->id, "%s", token_text_ok(str_of(text_of(answer, "id"))) ? text_of(answer, "id") : "");
	cJSON_Delete(answer);
	if (t->failed)
		say(t->check, t->failed == EXIT_AUTH || t->failed == EXIT_USAGE ? STATE_UNKNOWN : STATE_CRITICAL,
			"cannot send: %s", cli_last_said());
	http_answer_release(&a);
	return t->failed != 0;
}

static int on_event(void *ctx, const char *ev, const cJSON *event)
{
	struct trip *t = ctx;
	struct cli *c = t->check->cli;

	if (strcmp(ev, "welcome") == 0 && user_name_ok(str_of(text_of(event, "user"))))
		snprintf(c->profile.user, sizeof c->profile.user, "%s", text_of(event, "user"));
	if (strcmp(ev, "live") == 0 && !t->sent_us)
		return send_off(t, c->profile.user);
	const cJSON *m = cJSON_GetObjectItemCaseSensitive(event, "message");
	t->back = strcmp(ev, "message") == 0 && strcmp(text_of(m, "client_id"), t->client_id) == 0;
	if (t->back)
		t->trip_ms = ms_since(t->sent_us);
	return t->back;
}

/* What was sent must not stay unread, late or not. */
static void mark_read(struct trip *t)
{
	static const struct str read_true = {"{\"read\":true}", 13};
	struct cli *c = t->check->cli;
	struct http_answer a;
	char path[128];

	if (!t->id[0] || !c->http)
		return;
	snprintf(path, sizeof path, "/messages/%s", t->id);
	(void)http_call(c->http, "PATCH", path, &read_true, 1000, c->verbose, &a);
	http_answer_release(&a);
}

/* How a stream ended that should not have. */
static void say_stream(struct check *k, struct stream *s, enum stream_end end)
{
	int code = stream_close_code(s);

	if (end == STREAM_TIMEOUT)
		say(k, STATE_CRITICAL, "nothing came over the WebSocket within the time");
	else if (code == 401 || code == 403 || code == 4401 || code == 4403)
		say(k, STATE_UNKNOWN, "the login is no longer good; run: chatctl -c %s login %s", k->cli->profile.name,
			k->cli->profile.user[0] ? k->cli->profile.user : "USER");
	else
		say(k, STATE_CRITICAL, "%s: WebSocket: %s", k->cli->profile.url, stream_why(s));
}

/* NULL, and said: no login, or no memory. */
static struct stream *open_stream(struct check *k, const char *cursor, const struct stream_handler *h)
{
	const struct profile *p = &k->cli->profile;

	if (!p->token[0]) {
		say(k, STATE_UNKNOWN, "not logged in; run: chatctl -c %s login USER --url %s", p->name, p->url);
		return NULL;
	}
	struct stream *s = stream_new(p->url, p->token, p->cacert, cursor, h);
	if (s)
		stream_pin(s, p->pin);
	else
		say(k, STATE_UNKNOWN, "cannot start: out of memory, or %s is no address", p->url);
	return s;
}

static void run_roundtrip(struct check *k)
{
	struct trip t = {.check = k};
	struct stream_handler h = {.event = on_event, .ctx = &t};
	struct stream *s = open_stream(k, NULL, &h);
	char random[23];

	if (!s)
		return;
	random_id(random);
	snprintf(t.client_id, sizeof t.client_id, "check-%s", random);
	enum stream_end end = stream_run(s, k->cli->deadline_us, k->cli->retries + 1);
	if (t.back) {
		say(k, STATE_OK, "sent and back over the WebSocket in %.1f ms", t.trip_ms);
		add_perf(k, "roundtrip", "ms", t.trip_ms, 0);
		add_perf(k, "ack", "ms", t.post_ms, 0);
	} else if (!t.failed) {
		say_stream(k, s, end);
	}
	mark_read(&t);
	stream_free(s);
}

/* ---- disk ---- */

/* The folder itself, or the nearest one above that is there. */
static int free_space(const char *path, struct statvfs *v)
{
	char dir[700];
	char *slash;

	snprintf(dir, sizeof dir, "%s", path);
	while ((slash = strrchr(dir, '/')) && slash != dir) {
		*slash = 0;
		if (statvfs(dir, v) == 0)
			return 0;
	}
	return statvfs("/", v);
}

static void run_disk(struct check *k)
{
	struct http_answer a;
	struct statvfs v;
	char path[700];
	bool cannot_store = false;

	if (client_db_path(k->cli->profile.name, false, path) || free_space(path, &v)) {
		say(k, STATE_UNKNOWN, "cannot look at the state folder: HOME and XDG_STATE_HOME are not set");
		return;
	}
	double free_bytes = (double)v.f_bavail * (double)v.f_frsize, all = (double)v.f_blocks * (double)v.f_frsize;
	bool asked = get(k, "/readyz", &a) || a.status == 503;
	if (a.status == 503)
		cannot_store = !strstr(a.body.data, "draining");
	http_answer_release(&a);
	say(k, cannot_store ? STATE_CRITICAL : STATE_OK, "%s%.1f GiB (%.0f %%) free for the local state; %s",
		cannot_store ? "the server cannot store; " : "", free_bytes / (1 << 30),
		all > 0 ? 100 * free_bytes / all : 100,
		cannot_store ? "see its log"
		: asked      ? "the server can store"
			     : "the server was not reached");
	add_perf(k, "free", "B", free_bytes, all);
}

/* ---- lag ---- */

struct behind {
	struct check *check;
	const char *name; /* of the watch that is furthest behind */
	char worst[65];
	unsigned watches;
	double most_ms, one_ms;
	bool lost; /* the server does not know the place of one */
	bool failed;
};

static int on_replay(void *ctx, const char *ev, const cJSON *event)
{
	struct behind *b = ctx;
	const cJSON *m = cJSON_GetObjectItemCaseSensitive(event, "message");
	const char *at = text_of(m, "sent_at");
	uint64_t sent_ms, now_ms = clock_wall_ms();

	if (strcmp(ev, "welcome") == 0 && cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(event, "recovered")))
		return b->lost = true;
	if (strcmp(ev, "message") == 0 && strcmp(text_of(m, "to"), b->check->cli->profile.user) == 0 &&
		clock_parse(at, strlen(at), &sent_ms) == 0) {
		b->one_ms = now_ms > sent_ms ? (double)(now_ms - sent_ms) : 0;
		return 1;
	}
	return strcmp(ev, "live") == 0;
}

/* The age of the first message that the watch has not handled. */
static int look_at_watch(void *ctx, const char *name, const char *cursor)
{
	struct behind *b = ctx;
	const char *wanted = cli_option(b->check->cli, "durable");
	struct stream_handler h = {.event = on_replay, .ctx = b};

	if ((wanted && strcmp(wanted, name) != 0) || !*cursor)
		return 0;
	struct stream *s = open_stream(b->check, cursor, &h);
	if (!s)
		return b->failed = true;
	b->one_ms = 0;
	enum stream_end end = stream_run(s, b->check->cli->deadline_us, b->check->cli->retries + 1);
	b->failed = end != STREAM_DONE;
	if (b->failed)
		say_stream(b->check, s, end);
	stream_free(s);
	b->watches++;
	if (b->one_ms >= b->most_ms || b->lost) {
		b->most_ms = b->one_ms;
		snprintf(b->worst, sizeof b->worst, "%s", name);
	}
	return b->failed || b->lost;
}

/* The server's own word for it, or -1. */
static double server_lag(struct check *k)
{
	static const char name[] = "\nchat_stream_lag_max_milliseconds ";
	struct http_answer a;
	double ms = -1;

	if (get(k, "/metrics", &a)) {
		const char *at = strstr(a.body.data, name);
		ms = at ? strtod(at + sizeof name - 1, NULL) : -1;
	}
	http_answer_release(&a);
	k->state = STATE_OK;
	return ms;
}

static void run_lag(struct check *k)
{
	struct cli *c = k->cli;
	struct behind b = {.check = k};
	const char *wanted = cli_option(c, "durable");
	char path[700];

	if (c->profile.user[0] && client_db_path(c->profile.name, false, path) == 0 && access(path, F_OK) == 0 &&
		local_db(c, false) && client_db_watches(c->db, look_at_watch, &b))
		say(k, STATE_UNKNOWN, "%s", client_db_why(c->db));
	if (b.failed || k->state != STATE_OK)
		return;
	if (b.lost) {
		say(k, STATE_CRITICAL, "the server no longer knows the place of the watch %s", b.worst);
		return;
	}
	double server_ms = wanted ? -1 : server_lag(k);
	if (!b.watches && server_ms < 0) {
		say(k, STATE_UNKNOWN,
			wanted ? "no watch --durable %s has run here"
			       : "no durable watch has run here, and the server's metrics cannot be read",
			wanted);
		return;
	}
	say(k, STATE_OK, "%s%s %.0f ms behind",
		server_ms > b.most_ms || !b.watches ? "the server's slowest socket is" : "the watch ",
		server_ms > b.most_ms || !b.watches ? "" : b.worst, server_ms > b.most_ms ? server_ms : b.most_ms);
	add_perf(k, "lag", "ms", server_ms > b.most_ms ? server_ms : b.most_ms, 0);
	if (b.watches)
		add_perf(k, "watches", "ms", b.most_ms, 0);
	if (server_ms >= 0)
		add_perf(k, "server", "ms", server_ms, 0);
}

/* ---- what is printed ---- */

/* A bound of a range as the guidelines want it in performance data, in the value's unit. */
static void perf_range(struct buf *b, const struct range *r, const struct perf *p)
{
	double scale = r->percent ? p->most / 100 : 1;

	if (r->inside)
		buf_addc(b, '@');
	if (r->low == -INFINITY && r->high != INFINITY)
		buf_addf(b, "%.15g", r->high * scale);
	else if (r->high == INFINITY)
		buf_addf(b, "%.15g:", r->low * scale);
	else
		buf_addf(b, "%.15g:%.15g", r->low * scale, r->high * scale);
}

static void print_nagios(const struct check *k, struct buf *b)
{
	buf_addf(b, "CHAT %s - ", state_words[k->state]);
	sanitise(b, str_of(k->text), SANITISE_LINE);
	for (unsigned i = 0; i < k->n; i++) {
		const struct perf *p = &k->perf[i];
		buf_addf(b, "%s%s=%.15g%s;", i ? " " : " | ", p->label,
			(double)(long long)(p->value * 1000 + 0.5) / 1000, p->unit);
		if (i == 0)
			perf_range(b, &k->warn, p);
		buf_addc(b, ';');
		if (i == 0)
			perf_range(b, &k->crit, p);
		buf_adds(b, ";0");
		if (p->most > 0)
			buf_addf(b, ";%.15g", p->most);
	}
	buf_addc(b, '\n');
}

static void print_text(const struct check *k, struct buf *b)
{
	buf_addf(b, "%s: %s: ", k->name, state_words[k->state]);
	sanitise(b, str_of(k->text), SANITISE_LINE);
	if (k->state == STATE_WARNING || k->state == STATE_CRITICAL)
		buf_addf(b, " (warning at %s, critical at %s)", k->warn.text, k->crit.text);
	buf_addc(b, '\n');
}

static void print_json(const struct check *k, struct buf *b)
{
	cJSON *o = cJSON_CreateObject(), *perf = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "check", k->name);
	cJSON_AddStringToObject(o, "state", state_words[k->state]);
	cJSON_AddNumberToObject(o, "code", k->state);
	cJSON_AddStringToObject(o, "message", k->text);
	cJSON_AddStringToObject(o, "warn", k->warn.text ? k->warn.text : "");
	cJSON_AddStringToObject(o, "crit", k->crit.text ? k->crit.text : "");
	for (unsigned i = 0; i < k->n; i++) {
		char name[64];
		snprintf(name, sizeof name, "%s_%s", k->perf[i].label, k->perf[i].unit[0] == 'B' ? "bytes" : "ms");
		cJSON_AddNumberToObject(perf, name, k->perf[i].value);
	}
	cJSON_AddItemToObject(o, "values", perf);
	char *text = cJSON_PrintUnformatted(o);
	buf_adds(b, text ? text : "{}");
	buf_addc(b, '\n');
	free(text);
	cJSON_Delete(o);
}

/* For a textfile collector: base units, as Prometheus wants them. */
static void print_prometheus(const struct check *k, struct buf *b)
{
	buf_addf(b,
		"# HELP chatctl_check_state 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN\n"
		"# TYPE chatctl_check_state gauge\nchatctl_check_state{check=\"%s\"} %d\n",
		k->name, k->state);
	for (unsigned i = 0; i < k->n; i++) {
		const struct perf *p = &k->perf[i];
		bool bytes = p->unit[0] == 'B';
		buf_addf(b, "# TYPE chatctl_check_%s_%s gauge\nchatctl_check_%s_%s{check=\"%s\"} %.15g\n", p->label,
			bytes ? "bytes" : "seconds", p->label, bytes ? "bytes" : "seconds", k->name,
			bytes ? p->value : p->value / 1000);
	}
}

static const struct {
	const char *word;
	void (*print)(const struct check *k, struct buf *b);
} formats[] = {{"nagios", print_nagios}, {"text", print_text}, {"json", print_json}, {"prometheus", print_prometheus}};
enum { FORMATS = sizeof formats / sizeof *formats };

static int finish(const struct check *k)
{
	struct buf b;

	buf_init(&b, 1 << 16);
	for (unsigned i = 0; i < FORMATS; i++)
		if (strcmp(formats[i].word, k->format) == 0)
			formats[i].print(k, &b);
	fwrite(b.data, 1, b.len, stdout);
	buf_release(&b);
	return out_flush() ? STATE_UNKNOWN : (int)k->state;
}

/* ---- the command ---- */

static const struct measure measures[] = {
	{"conn", "500ms", "2s", UNIT_MS, STATE_CRITICAL, run_conn},
	{"roundtrip", "500ms", "2s", UNIT_MS, STATE_CRITICAL, run_roundtrip},
	{"disk", "10%", "5%", UNIT_FREE, STATE_UNKNOWN, run_disk},
	{"lag", "10s", "60s", UNIT_MS, STATE_UNKNOWN, run_lag},
};

static struct {
	char line[256];
	int code;
} late;

static void time_over(int sig)
{
	(void)sig;
	if (write(STDOUT_FILENO, late.line, strlen(late.line)) < 0)
		_exit(late.code);
	_exit(late.code);
}

/* What the requests' own times do not end, such as looking up a name, this does. */
static void bound(struct check *k)
{
	uint64_t ms = cli_left_ms(k->cli) + 500;
	struct itimerval t = {.it_value = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)}};
	struct buf b;

	say(k, k->measure->late, "no answer within the time");
	late.code = (int)k->state;
	buf_init(&b, sizeof late.line);
	for (unsigned i = 0; i < FORMATS; i++)
		if (strcmp(formats[i].word, k->format) == 0 && k->format[0] != 'p')
			formats[i].print(k, &b);
	snprintf(late.line, sizeof late.line, "%.*s", (int)b.len, b.data ? b.data : "");
	buf_release(&b);
	k->state = STATE_OK;
	signal(SIGALRM, time_over);
	setitimer(ITIMER_REAL, &t, NULL);
}

static bool format_known(const char *word)
{
	for (unsigned i = 0; i < FORMATS; i++)
		if (strcmp(formats[i].word, word) == 0)
			return true;
	return false;
}

static int exec_check(struct cli *c)
{
	const char *format = cli_option(c, "format");
	struct check k = {.cli = c,
		.name = c->args[0],
		.format = c->mode == OUT_JSON || c->mode == OUT_JSONL ? "json" : "nagios"};

	if (!cli_option(c, "retry"))
		c->retries = 0; /* it would hide what is to be measured */
	for (unsigned i = 0; i < sizeof measures / sizeof *measures; i++)
		if (strcmp(measures[i].word, c->args[0]) == 0)
			k.measure = &measures[i];
	if (format && !format_known(format))
		say(&k, STATE_UNKNOWN, "--format is nagios, text, json or prometheus, not \"%s\"", format);
	else if (format)
		k.format = format;
	if (k.state == STATE_OK && !k.measure)
		say(&k, STATE_UNKNOWN, "there is conn, roundtrip, disk and lag, not \"%s\"", c->args[0]);
	if (k.state != STATE_OK || parse_thresholds(&k))
		return finish(&k);
	bound(&k);
	k.measure->run(&k);
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	judge(&k);
	return finish(&k);
}

static const struct cli_option options[] = {
	{"warn", 0, "RANGE", "WARNING beyond that: a time (conn, roundtrip, lag), free space (disk: 10%, 2G)",
		COMPLETE_NONE, false},
	{"crit", 0, "RANGE", "CRITICAL beyond that", COMPLETE_NONE, false},
	{"format", 0, "FORMAT", "nagios (default), text, json or prometheus", COMPLETE_NONE, false},
	{"durable", 0, "NAME", "lag: of that watch alone", COMPLETE_NONE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_check = {
	.name = "check",
	.args = "conn|roundtrip|disk|lag",
	.summary = "measure once, as a Nagios plugin",
	.text = "Prints one line with performance data and ends with 0 OK, 1 WARNING, 2 CRITICAL or 3 UNKNOWN. "
		"conn: connecting, /readyz and, with a login, one call with the token. "
		"roundtrip: from sending a message to oneself until it came over the WebSocket; it is then marked as "
		"read, other devices see it. "
		"disk: free space where the local state is, and whether the server says that it can store. "
		"lag: for how long the oldest message has waited that a durable watch of this context has not handled, "
		"and for how long the server's slowest socket has been behind, where its metrics may be read; the "
		"greater one counts. "
		"A server that cannot be reached, or that does not answer within --timeout (10s), is CRITICAL for conn "
		"and roundtrip. UNKNOWN is wrong usage, no login, and what else stood in the way of measuring. A RANGE "
		"is a value, the most that a time may be and the least that must be free, or N:, N:M, ~:M and @N:M as "
		"the guidelines for plugins have them. The defaults are 500ms and 2s, for disk 10% and 5%, for lag 10s "
		"and 60s. Nothing is tried again unless --retry says so.",
	.examples = "chatctl check conn\nchatctl check roundtrip --warn 50ms --crit 250ms --format nagios\n"
		    "chatctl check disk --warn 2G --crit 500M\nchatctl check lag --durable bot --warn 1m --crit 10m\n"
		    "chatctl check conn --format prometheus > /var/lib/node_exporter/chat.prom",
	.options = options,
	.min_args = 1,
	.max_args = 1,
	.need = NEED_URL,
	.timeout_default_s = 10,
	.plugin = true,
	.exec = exec_check,
};
