/* The client's stream against a server that says what the test scripted: one answer to each frame that comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "common/client/stream.h"
#include "server/net/net.h"
#include <cjson/cJSON.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS_MAX = 16, EVENTS_MAX = 32, PATIENCE_US = 20000000 };

#define WELCOME(cursor) \
	"{\"ev\":\"welcome\",\"user\":\"ada\",\"cursor\":\"" cursor "\",\"recovered\":true,\"ping_ms\":25000}"
#define LIVE(cursor) "{\"ev\":\"live\",\"cursor\":\"" cursor "\"}"
#define MESSAGE(id, prev, cursor)                                                                       \
	"{\"ev\":\"message\",\"cursor\":\"" cursor "\",\"prev\":\"" prev "\",\"message\":{\"id\":\"" id \
	"\",\"body\":\"x\"}}"
#define PONG "{\"ev\":\"pong\"}"
#define HELLO "{\"op\":\"hello\"}"
#define HELLO_AT(cursor) "{\"op\":\"hello\",\"cursor\":\"" cursor "\"}"
#define PING "{\"op\":\"ping\"}"

struct step {
	const char *expect; /* the frame that must come next; NULL ends the script */
	const char *answer; /* one frame; NULL: none */
	int close;          /* 0: stay */
};

/* The server's side; its thread alone touches it until it has ended. */
struct script {
	struct net *net;
	const struct step *steps;
	unsigned at;
	char wrong[256];    /* the first frame that did not fit */
	bool refuse;        /* the upgrade, with 401 */
	const char *answer; /* to be written */
};

static void on_head(void *ctx, struct conn *c, const struct http_head *h, struct http_verdict *v)
{
	struct script *s = ctx;

	(void)c;
	v->websocket = true;
	if (s->refuse || !str_is(h->authorization, "Bearer secret"))
		v->err = ERR_UNAUTHENTICATED;
}

static void on_request(void *ctx, struct conn *c, const struct http_head *h, struct str body)
{
	(void)ctx, (void)h, (void)body;
	conn_reply_err(c, ERR_NOT_FOUND, "Only /ws is here");
}

static void on_text(void *ctx, struct conn *c, struct str text)
{
	struct script *s = ctx;
	const struct step *step = &s->steps[s->at];

	if (!step->expect || !str_is(text, step->expect)) {
		if (!s->wrong[0])
			snprintf(s->wrong, sizeof s->wrong, "step %u: got %.*s, wanted %s", s->at, (int)text.n, text.p,
				step->expect ? step->expect : "nothing");
		return;
	}
	s->at++;
	s->answer = step->answer;
	if (step->answer)
		conn_ws_want_write(c);
	if (step->close)
		conn_ws_close(c, (uint16_t)step->close, "as scripted");
}

static bool on_fill(void *ctx, struct conn *c, struct buf *out)
{
	struct script *s = ctx;

	(void)c;
	if (s->answer)
		buf_adds(out, s->answer);
	s->answer = NULL;
	return false;
}

static void on_conn(void *ctx, struct conn *c)
{
	(void)ctx, (void)c;
}

static void on_message(void *ctx, struct net_thread *t, struct net_msg *m)
{
	(void)ctx, (void)t, (void)m;
}

static void on_turn(void *ctx, struct net_thread *t)
{
	(void)ctx, (void)t;
}

static const struct net_handler handler = {
	on_head, on_request, on_conn, on_text, on_fill, on_conn, on_message, on_turn, on_turn};

static void serve(struct script *s, const struct step *steps)
{
	static const struct net_config conf = {
		.listen = "127.0.0.1:0",
		.threads = 1,
		.ws_message_max = 1 << 20,
		.max_connections = 10,
		.header_ms = 10000,
		.body_ms = 10000,
		.frame_ms = 10000,
		.ping_ms = 25000,
		.pong_ms = 60000,
		.stall_ms = 60000,
		.keep_alive_ms = 30000,
	};
	char why[256];

	*s = (struct script){.steps = steps};
	if (net_new(&s->net, &conf, &handler, s, why) || net_start(s->net, why))
		fail_msg("%s", why);
}

/* Ends the server; the whole script must have been gone through. */
static void end(struct script *s)
{
	net_stop(s->net);
	net_free(s->net);
	if (s->wrong[0])
		fail_msg("%s", s->wrong);
	assert_null(s->steps[s->at].expect);
}

/* The client's side. */
struct client {
	struct stream *stream;
	char seen[512];   /* ids of messages and names of other events, a blank behind each */
	const char *last; /* what ends it: an id or a name */
	const char *say;  /* sent at each message */
	unsigned waits;
};

static int on_event(void *ctx, const char *ev, const cJSON *event)
{
	struct client *c = ctx;
	const cJSON *message = cJSON_GetObjectItemCaseSensitive(event, "message");
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(message, "id");
	const char *word = cJSON_IsString(id) ? id->valuestring : ev;
	size_t n = strlen(c->seen);

	snprintf(c->seen + n, sizeof c->seen - n, "%s ", word);
	if (message && c->say)
		assert_int_equal(stream_send(c->stream, c->say), 0);
	return c->last && strcmp(word, c->last) == 0;
}

static void on_state(void *ctx, enum stream_state state, const char *why)
{
	struct client *c = ctx;

	if (state == STREAM_WAITING) {
		c->waits++;
		assert_non_null(why);
	}
}

static enum stream_end run(struct client *c, const char *url, const char *cursor, uint64_t for_us, unsigned tries)
{
	struct stream_handler h = {.event = on_event, .state = on_state, .ctx = c};

	c->stream = stream_new(url, "secret", NULL, cursor, &h);
	assert_non_null(c->stream);
	return stream_run(c->stream, clock_mono_us() + for_us, tries);
}

static void test_events_in_order(void **state)
{
	static const struct step steps[] = {{HELLO,
						    "[" WELCOME("c1") "," LIVE("c1") "," MESSAGE(
							    "m1", "c1", "c2") "," MESSAGE("m2", "c2", "c3") "]",
						    0},
		{"\"one\"", NULL, 0}, {"\"one\"", NULL, 0}, {PING, PONG, 0}, {0}};
	struct script s;
	struct client c = {.last = "m2", .say = "\"one\""};

	(void)state;
	serve(&s, steps);
	assert_int_equal(run(&c, net_base_url(s.net), NULL, PATIENCE_US, 0), STREAM_DONE);
	assert_string_equal(c.seen, "welcome live m1 m2 ");
	assert_string_equal(stream_cursor(c.stream), "c3");
	stream_free(c.stream);
	end(&s); /* what was sent at the last message has arrived */
}

static void test_gap(void **state)
{
	static const struct step steps[] = {{HELLO,
						    "[" WELCOME("c1") "," LIVE("c1") "," MESSAGE(
							    "m2", "c2", "c3") "," MESSAGE("m3", "c3", "c4") "]",
						    0},
		{HELLO_AT("c1"),
			"[" MESSAGE("m4", "c4", "c5") "," WELCOME("c1") "," MESSAGE("m1", "c1", "c2") "," MESSAGE(
				"m2", "c2", "c3") "," LIVE("c3") "]",
			0},
		{PING, PONG, 0}, {0}};
	struct script s;
	struct client c = {.last = "m2"};

	(void)state;
	serve(&s, steps);
	assert_int_equal(run(&c, net_base_url(s.net), NULL, PATIENCE_US, 0), STREAM_DONE);
	assert_string_equal(c.seen, "welcome live welcome m1 m2 ");
	stream_free(c.stream);
	end(&s);
}

/* A server whose events never fit is asked a few times, then left and tried anew. */
static void test_gap_without_end(void **state)
{
#define NEVER_FITS(hello)                                                     \
	{                                                                     \
		hello, "[" WELCOME("c1") "," MESSAGE("m2", "c2", "c3") "]", 0 \
	}
	static const struct step steps[] = {NEVER_FITS(HELLO), NEVER_FITS(HELLO_AT("c1")), NEVER_FITS(HELLO_AT("c1")),
		NEVER_FITS(HELLO_AT("c1")), {HELLO_AT("c1"), NULL, 4400}, {0}};
	struct script s;
	struct client c = {0};

	(void)state;
	serve(&s, steps);
	assert_int_equal(run(&c, net_base_url(s.net), NULL, PATIENCE_US, 0), STREAM_REFUSED);
	assert_string_equal(c.seen, "welcome welcome welcome welcome ");
	assert_true(c.waits >= 1);
	stream_free(c.stream);
	end(&s);
}

static void test_resume_and_duplicates(void **state)
{
	static const struct step steps[] = {
		{HELLO_AT("c0"), "[" WELCOME("c0") "," MESSAGE("m1", "c0", "c1") "," LIVE("c1") "]", 0},
		{"\"one\"", NULL, 1012},
		{HELLO_AT("c1"), "[" WELCOME("c1") "," MESSAGE("m1", "c1", "c2") "," MESSAGE("m2", "c2", "c3") "]", 0},
		{"\"one\"", NULL, 0}, {PING, PONG, 0}, {0}};
	struct script s;
	struct client c = {.last = "m2", .say = "\"one\""};

	(void)state;
	serve(&s, steps);
	assert_int_equal(run(&c, net_base_url(s.net), "c0", PATIENCE_US, 0), STREAM_DONE);
	assert_string_equal(c.seen, "welcome m1 live welcome m2 ");
	assert_string_equal(stream_cursor(c.stream), "c3");
	assert_int_equal(c.waits, 1);
	stream_free(c.stream);
	end(&s);
}

static void test_final_codes(void **state)
{
	static const int codes[] = {4400, 4401, 4403, 4409, 4426};

	(void)state;
	for (unsigned i = 0; i < sizeof codes / sizeof *codes; i++) {
		const struct step steps[] = {{HELLO, NULL, codes[i]}, {0}};
		struct script s;
		struct client c = {0};
		serve(&s, steps);
		assert_int_equal(run(&c, net_base_url(s.net), NULL, PATIENCE_US, 0), STREAM_REFUSED);
		assert_int_equal(stream_close_code(c.stream), codes[i]);
		assert_string_equal(stream_why(c.stream), "as scripted");
		stream_free(c.stream);
		end(&s);
	}
}

static void test_other_codes(void **state)
{
	static const struct step steps[] = {{HELLO, NULL, 1001}, {HELLO, NULL, 1012}, {HELLO, NULL, 4008},
		{HELLO, NULL, 4029}, {HELLO, NULL, 4401}, {0}};
	struct script s;
	struct client c = {0};

	(void)state;
	serve(&s, steps);
	assert_int_equal(run(&c, net_base_url(s.net), NULL, PATIENCE_US, 0), STREAM_REFUSED);
	assert_int_equal(stream_close_code(c.stream), 4401);
	assert_int_equal(c.waits, 4);
	stream_free(c.stream);
	end(&s);
}

static void test_refused_upgrade(void **state)
{
	static const struct step steps[] = {{0}};
	struct script s;
	struct client c = {0};

	(void)state;
	serve(&s, steps);
	s.refuse = true; /* nothing is connected yet */
	assert_int_equal(run(&c, net_base_url(s.net), NULL, PATIENCE_US, 0), STREAM_REFUSED);
	assert_int_equal(stream_close_code(c.stream), 401);
	assert_non_null(strstr(stream_why(c.stream), "401"));
	stream_free(c.stream);
	end(&s);
}

static void test_ping_when_silent(void **state)
{
	static const struct step steps[] = {
		{HELLO, "{\"ev\":\"welcome\",\"cursor\":\"c1\",\"recovered\":false,\"ping_ms\":1000}", 0},
		{PING, PONG, 0}, {PING, "{\"ev\":\"typing\",\"from\":\"bob\"}", 0}, {PING, PONG, 0}, {0}};
	struct script s;
	struct client c = {.last = "typing"};
	uint64_t began = clock_mono_us();

	(void)state;
	serve(&s, steps);
	assert_int_equal(run(&c, net_base_url(s.net), NULL, PATIENCE_US, 0), STREAM_DONE);
	assert_true(clock_mono_us() - began >= 2000000);
	assert_int_equal(c.waits, 0);
	stream_free(c.stream);
	end(&s);
}

static void test_nonsense_is_ignored(void **state)
{
	static const struct step steps[] = {
		{HELLO,
			"[1,null,\"x\",[],{},{\"ev\":1},{\"ev\":\"new-kind\"}," WELCOME(
				"c1") ",{\"ev\":\"new-kind\"},{\"ev\":\"message\"},"
				      "{\"ev\":\"message\",\"message\":{\"id\":7}},"
				      "{\"ev\":\"receipt\",\"cursor\":5,\"prev\":{}}," LIVE("c1") "]",
			0},
		{PING, PONG, 0}, {0}};
	static const struct step broken[] = {{HELLO, "{\"ev\":\"welcome\"", 0}, {0}};
	struct script s;
	struct client c = {.last = "live"}, d = {0};

	(void)state;
	serve(&s, steps);
	assert_int_equal(run(&c, net_base_url(s.net), NULL, PATIENCE_US, 0), STREAM_DONE);
	assert_string_equal(stream_cursor(c.stream), "c1");
	stream_free(c.stream);
	end(&s);
	serve(&s, broken);
	assert_int_equal(run(&d, net_base_url(s.net), NULL, 300000, 0), STREAM_TIMEOUT);
	assert_string_equal(d.seen, "");
	stream_free(d.stream);
	end(&s);
}

static void test_time_is_over(void **state)
{
	static const struct step steps[] = {{HELLO, "[" WELCOME("c1") "," LIVE("c1") "]", 0}, {0}};
	struct script s;
	struct client c = {0};
	uint64_t began = clock_mono_us();

	(void)state;
	serve(&s, steps);
	assert_int_equal(run(&c, net_base_url(s.net), NULL, 400000, 0), STREAM_TIMEOUT);
	assert_in_range(clock_mono_us() - began, 400000, 5000000);
	assert_string_equal(c.seen, "welcome live ");
	stream_free(c.stream);
	end(&s);
}

/* Nobody listens on a port that has just been given back. */
static void test_nobody_there(void **state)
{
	static const struct step steps[] = {{0}};
	struct script s;
	struct client c = {0}, d = {0};
	char url[64];

	(void)state;
	serve(&s, steps);
	snprintf(url, sizeof url, "%s", net_base_url(s.net));
	end(&s);
	assert_int_equal(run(&c, url, NULL, PATIENCE_US, 2), STREAM_FAILED);
	assert_int_equal(c.waits, 2);
	assert_true(stream_why(c.stream)[0] != 0);
	stream_free(c.stream);
	assert_int_equal(run(&d, url, NULL, 200000, 0), STREAM_TIMEOUT);
	stream_free(d.stream);
}

static void test_bad_urls(void **state)
{
	static const struct stream_handler h = {.event = on_event};
	static const char *const urls[] = {
		"", "127.0.0.1:80", "http://", "http://:80", "http://h:0", "http://h:65536", "http://h:x"};

	(void)state;
	for (unsigned i = 0; i < sizeof urls / sizeof *urls; i++)
		assert_null(stream_new(urls[i], "secret", NULL, NULL, &h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events_in_order),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_gap_without_end),
		cmocka_unit_test(test_resume_and_duplicates),
		cmocka_unit_test(test_final_codes),
		cmocka_unit_test(test_other_codes),
		cmocka_unit_test(test_refused_upgrade),
		cmocka_unit_test(test_ping_when_silent),
		cmocka_unit_test(test_nonsense_is_ignored),
		cmocka_unit_test(test_time_is_over),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_bad_urls),
	};
	return cmocka_run_group_tests_name("client_resume", tests, NULL, NULL);
}
