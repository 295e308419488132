/* REST calls with retries, and what their failures mean to a script. */
#include "cli/verb.h"
#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/text/sanitise.h"
#include <cjson/cJSON.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	BACKOFF_FIRST_MS = 100,
	BACKOFF_MAX_MS = 10000,
	CALL_MAX_MS = 100000,
	EARLY_MS = 20 /* libcurl's clock may be a little ahead */
};

uint64_t cli_left_ms(const struct cli *c)
{
	uint64_t now = clock_mono_us();

	if (!c->deadline_us)
		return UINT64_MAX;
	return now >= c->deadline_us ? 0 : (c->deadline_us - now) / 1000 + 1;
}

void random_id(char out[23])
{
	uint8_t raw[16];

	randombytes_buf(raw, sizeof raw);
	sodium_bin2base64(out, 23, raw, sizeof raw, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

void cli_restart_clock(struct cli *c)
{
	if (!c->timeout_given && c->timeout_ms)
		c->deadline_us = clock_mono_us() + c->timeout_ms * 1000;
}

/* The connection that stays when a command has ended. */
static struct {
	bool wanted;
	struct http_client *http;
	char url[sizeof((struct profile *)0)->url], token[sizeof((struct profile *)0)->token],
		cacert[sizeof((struct profile *)0)->cacert], pin[sizeof((struct profile *)0)->pin];
} kept;

void cli_keep_http(void)
{
	kept.wanted = true;
}

static struct http_client *take_kept(const struct profile *p)
{
	struct http_client *h = kept.http;

	kept.http = NULL;
	if (h && strcmp(kept.url, p->url) == 0 && strcmp(kept.token, p->token) == 0 &&
		strcmp(kept.cacert, p->cacert) == 0 && strcmp(kept.pin, p->pin) == 0)
		return h;
	http_client_free(h);
	strcpy(kept.url, p->url);
	strcpy(kept.token, p->token);
	strcpy(kept.cacert, p->cacert);
	strcpy(kept.pin, p->pin);
	return NULL;
}

void cli_close_http(struct cli *c)
{
	if (kept.wanted && c->http)
		kept.http = c->http;
	else
		http_client_free(c->http);
	c->http = NULL;
}

int cli_open_http(struct cli *c)
{
	if (!c->http)
		c->http = take_kept(&c->profile);
	if (!c->http)
		c->http = http_client_new(c->profile.url, c->profile.token, c->profile.cacert);
	if (!c->http)
		return cli_fail(EXIT_FAILED, "out of memory");
	if (http_client_pin(c->http, c->profile.pin))
		return cli_fail(
			EXIT_FAILED, "this libcurl cannot check the pin of the context \"%s\"", c->profile.name);
	return EXIT_DONE;
}

static void say_safe(const char *text)
{
	struct buf b;

	buf_init(&b, 4096);
	sanitise(&b, str_of(text), SANITISE_LINE);
	fwrite(b.data, 1, b.len, stderr);
	buf_release(&b);
}

static const char *member(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
	return cJSON_IsString(v) ? v->valuestring : NULL;
}

static int exit_of(int status, const char *code)
{
	enum err e = code ? err_from_code(code, strlen(code)) : ERR_COUNT;

	if (e != ERR_COUNT)
		return err_exit(e);
	if (status == 401 || status == 403)
		return EXIT_AUTH;
	return status == 429 || status == 503 || status == 507 ? EXIT_BUSY : EXIT_FAILED;
}

int cli_answer(const struct http_answer *a, bool silent)
{
	if (a->status >= 200 && a->status < 300)
		return EXIT_DONE;
	cJSON *problem = cJSON_Parse(a->body.data);
	const char *code = member(problem, "code"), *title = member(problem, "title"),
		   *detail = member(problem, "detail");
	int rc = exit_of(a->status, code);
	if (!silent) {
		fputs("chatctl: ", stderr);
		say_safe(title ? title : "the server did not answer as chatd does");
		fprintf(stderr, " (%d", a->status);
		if (code) {
			fputs(" ", stderr);
			say_safe(code);
		}
		fputs(")", stderr);
		/* Where there is nothing more to say the server says the title again. */
		if (detail && (!title || strcmp(detail, title) != 0)) {
			fputs(": ", stderr);
			say_safe(detail);
		}
		if (member(problem, "field")) {
			fputs(" [", stderr);
			say_safe(member(problem, "field"));
			fputs("]", stderr);
		}
		fputc('\n', stderr);
	}
	cJSON_Delete(problem);
	return rc;
}

static uint64_t backoff_ms(unsigned attempt, unsigned at_least)
{
	uint64_t limit = BACKOFF_FIRST_MS;

	for (unsigned i = 0; i < attempt && limit < BACKOFF_MAX_MS; i++)
		limit *= 2;
	return at_least + randombytes_uniform((uint32_t)limit);
}

/* false: the time does not suffice. */
static bool wait_before_retry(struct cli *c, uint64_t ms)
{
	if (cli_left_ms(c) <= ms)
		return false;
	nanosleep(&(struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000}, NULL);
	return true;
}

static bool worth_again(enum http_result r, const struct http_answer *a, bool again)
{
	if (r == HTTP_ANSWERED)
		return a->status == 429 || a->status == 503;
	return r == HTTP_UNSENT || again;
}

int cli_no_answer(const struct cli *c, int rc, const struct http_answer *a)
{
	const char *where = c->http ? http_client_where(c->http) : c->profile.url;

	if (rc == EXIT_TIMEOUT)
		return cli_fail(rc, "no answer from %s within the time (--timeout)", where);
	return cli_fail(rc, "%s: %s", where, a->why[0] ? a->why : "no answer");
}

static int say_result(const struct cli *c, enum http_result r, const struct http_answer *a, bool silent)
{
	if (r == HTTP_ANSWERED)
		return cli_answer(a, silent);
	int rc = r == HTTP_LATE && cli_left_ms(c) <= EARLY_MS ? EXIT_TIMEOUT : EXIT_NETWORK;
	if (rc == EXIT_TIMEOUT)
		signal(SIGALRM, SIG_IGN); /* what there is to say about it is said in full */
	return silent ? rc : cli_no_answer(c, rc, a);
}

int cli_request(struct cli *c, const char *method, const char *path, const struct str *body, bool again, bool silent,
	struct http_answer *a)
{
	int rc = cli_open_http(c);

	*a = (struct http_answer){0};
	if (rc)
		return rc;
	for (unsigned attempt = 0;; attempt++) {
		uint64_t left = cli_left_ms(c), max = c->call_max_ms ? c->call_max_ms : CALL_MAX_MS;
		if (left == 0)
			return silent ? EXIT_TIMEOUT : cli_fail(EXIT_TIMEOUT, "the time given by --timeout is over");
		enum http_result r =
			http_call(c->http, method, path, body, (unsigned)(left > max ? max : left), c->verbose, a);
		if (attempt >= c->retries || !worth_again(r, a, again) ||
			!wait_before_retry(c, backoff_ms(attempt, a->retry_after_ms)))
			return say_result(c, r, a, silent);
		http_answer_release(a);
	}
}
