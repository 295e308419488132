#include "cli/ping.h"
#include "cli/out.h"
#include "common/base/clock.h"
#include "common/client/stream.h"
#include <math.h>
#include <stdio.h>
#include <time.h>

enum { PING_CALL_MS = 10000, PING_COUNT_MAX = 1000000, US = 1000000 };

struct pings {
	struct cli *cli;
	const char *via;
	unsigned count, sent, answered;
	uint64_t interval_us, asked_us, min_us, max_us;
	double sum, squares;
	bool waiting; /* for the answer to the last one */
	struct stream *stream;
};

static void answered(struct pings *p, uint64_t us)
{
	p->min_us = p->answered == 0 || us < p->min_us ? us : p->min_us;
	p->max_us = us > p->max_us ? us : p->max_us;
	p->answered++;
	p->sum += (double)us;
	p->squares += (double)us * (double)us;
	if (p->cli->mode == OUT_TEXT && !p->cli->quiet)
		printf("%s: seq=%u time=%.2f ms\n", p->via, p->sent, (double)us / 1000);
	(void)out_flush();
}

static void lost(struct pings *p, const char *why)
{
	if (p->cli->mode == OUT_TEXT && !p->cli->quiet)
		cli_note(p->cli, "%s: seq=%u no answer: %s", p->via, p->sent, why);
}

static void ping_http(struct pings *p)
{
	struct cli *c = p->cli;

	for (p->sent = 1; p->sent <= p->count && cli_left_ms(c); p->sent++) {
		struct http_answer a;
		uint64_t at = clock_mono_us(), left = cli_left_ms(c);
		enum http_result r = http_call(c->http, "GET", "/healthz", NULL,
			(unsigned)(left < PING_CALL_MS ? left : PING_CALL_MS), c->verbose, &a);
		if (r == HTTP_ANSWERED && a.status == 200)
			answered(p, clock_mono_us() - at);
		else
			lost(p, r == HTTP_ANSWERED ? "it is no chatd, or a proxy stands for it" : a.why);
		http_answer_release(&a);
		uint64_t next = at + p->interval_us, now = clock_mono_us();
		if (p->sent < p->count && next > now)
			nanosleep(&(struct timespec){.tv_sec = (time_t)((next - now) / US),
					  .tv_nsec = (long)((next - now) % US) * 1000},
				NULL);
	}
	p->sent--;
}

static void ask(struct pings *p)
{
	char frame[64];

	p->sent++;
	snprintf(frame, sizeof frame, "{\"op\":\"ping\",\"ref\":%u}", p->sent);
	p->waiting = true;
	p->asked_us = clock_mono_us();
	(void)stream_send(p->stream, frame);
}

static int on_event(void *ctx, const char *ev, const cJSON *e)
{
	struct pings *p = ctx;
	const cJSON *ref = cJSON_GetObjectItemCaseSensitive(e, "ref");

	if (strcmp(ev, "live") == 0 && p->sent == 0)
		ask(p);
	if (strcmp(ev, "pong") != 0 || !cJSON_IsNumber(ref) || ref->valueint != (int)p->sent || !p->waiting)
		return 0;
	p->waiting = false;
	answered(p, clock_mono_us() - p->asked_us);
	return p->sent >= p->count;
}

static int on_tick(void *ctx)
{
	struct pings *p = ctx;
	uint64_t now = clock_mono_us();

	if (p->sent == 0)
		return 0;
	if (p->waiting && now > p->asked_us + PING_CALL_MS * 1000) {
		p->waiting = false;
		lost(p, "none within 10 s");
	}
	if (!p->waiting && p->sent >= p->count)
		return 1;
	if (!p->waiting && now + 50000 >= p->asked_us + p->interval_us)
		ask(p);
	return 0;
}

static void ping_stream(struct pings *p)
{
	const struct profile *of = &p->cli->profile;
	struct stream_handler h = {.event = on_event, .tick = on_tick, .ctx = p};
	uint64_t until = clock_mono_us() + p->count * (p->interval_us + 100000) + PING_CALL_MS * 1000ull;

	if (p->cli->deadline_us && p->cli->deadline_us < until)
		until = p->cli->deadline_us;
	p->stream = stream_new(of->url, of->token, of->cacert, NULL, &h);
	if (!p->stream) {
		cli_note(p->cli, "websocket: out of memory");
		return;
	}
	stream_pin(p->stream, of->pin);
	enum stream_end end = stream_run(p->stream, until, 1);
	if (end != STREAM_DONE && p->sent == 0)
		cli_note(p->cli, "websocket: %s", end == STREAM_TIMEOUT ? "no answer" : stream_why(p->stream));
	stream_free(p->stream);
}

static double mean(const struct pings *p)
{
	return p->answered ? p->sum / p->answered : 0;
}

static double deviation(const struct pings *p)
{
	double square = p->answered ? p->squares / p->answered - mean(p) * mean(p) : 0;

	return square > 0 ? sqrt(square) : 0;
}

static void sum_up(const struct pings *p)
{
	printf("%s: %u sent, %u answered, %u%% lost", p->via, p->sent, p->answered,
		p->sent ? (p->sent - p->answered) * 100 / p->sent : 100);
	if (p->answered)
		printf("; min/avg/max/mdev = %.2f/%.2f/%.2f/%.2f ms", (double)p->min_us / 1000, mean(p) / 1000,
			(double)p->max_us / 1000, deviation(p) / 1000);
	putchar('\n');
}

static int report(struct cli *c, const struct pings *p, unsigned n)
{
	static const char *const columns[] = {"via", "sent", "answered", "min_us", "avg_us", "max_us", "mdev_us", NULL};
	struct out out;

	out_begin(&out, c, columns, false);
	for (unsigned i = 0; i < n; i++) {
		cJSON *o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "via", p[i].via);
		cJSON_AddNumberToObject(o, "sent", p[i].sent);
		cJSON_AddNumberToObject(o, "answered", p[i].answered);
		cJSON_AddNumberToObject(o, "min_us", (double)p[i].min_us);
		cJSON_AddNumberToObject(o, "avg_us", round(mean(&p[i])));
		cJSON_AddNumberToObject(o, "max_us", (double)p[i].max_us);
		cJSON_AddNumberToObject(o, "mdev_us", round(deviation(&p[i])));
		(void)out_item(&out, o);
		cJSON_Delete(o);
	}
	return out_end(&out) ? cli_fail(EXIT_FAILED, "cannot write to stdout") : EXIT_DONE;
}

int ping_run(struct cli *c)
{
	struct pings p[2] = {{.cli = c, .via = "healthz"}, {.cli = c, .via = "websocket"}};
	const char *text = cli_option(c, "interval");
	uint64_t ms = 1000;
	unsigned n = c->profile.token[0] ? 2 : 1;

	if (!c->profile.url[0])
		return cli_fail(EXIT_USAGE, "the context \"%s\" has no server; give --url", c->profile.name);
	if (text && duration_parse(text, &ms))
		return cli_fail(EXIT_USAGE, "--interval is a time such as 200ms or 2s, not \"%s\"", text);
	int rc = cli_number(c, "count", 1, PING_COUNT_MAX, 4, &p[0].count);
	if (rc || (rc = cli_open_http(c)))
		return rc;
	if (!c->timeout_given)
		c->deadline_us = 0;
	p[1].count = p[0].count;
	p[0].interval_us = p[1].interval_us = ms * 1000;
	ping_http(&p[0]);
	if (n == 2)
		ping_stream(&p[1]);
	for (unsigned i = 0; i < n && c->mode == OUT_TEXT; i++)
		sum_up(&p[i]);
	if (c->mode != OUT_TEXT && (rc = report(c, p, n)))
		return rc;
	unsigned got = p[0].answered + (n == 2 ? p[1].answered : 0);
	return got == n * p[0].count ? EXIT_DONE : got ? EXIT_PARTLY : EXIT_NETWORK;
}
