/* The connection's state machine with a clock of its own and a server that follows a script, then with servers that do anything: cuts, repeats, gaps,
 * refusals. Whatever they do, the handler sees each event once and in order, or a welcome that says that its place was lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/client/conn.h"
#include <cjson/cJSON.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS = 1000, STEPS = 400, EVENTS_MAX = 2000 };
#define SECOND 1000000ull

/* The world around the machine. */
struct world {
	struct conn *conn;
	uint64_t now;
	char sent[16][128];
	unsigned n_sent, drops, waits, lives, settled;
	uint32_t draw;  /* what random() answers at most */
	uint32_t below; /* what it was asked for last */
	char seen[256];
	const char *end_at; /* an event's id or name that ends it */
	char why[256];
};

static int on_send(void *ctx, const char *frame)
{
	struct world *w = ctx;

	snprintf(w->sent[w->n_sent++ % 16], sizeof w->sent[0], "%s", frame);
	return 0;
}

static void on_drop(void *ctx)
{
	((struct world *)ctx)->drops++;
}

static uint32_t on_random(void *ctx, uint32_t below)
{
	struct world *w = ctx;

	w->below = below;
	return w->draw < below ? w->draw : below - 1;
}

static int on_event(void *ctx, const char *ev, const cJSON *event)
{
	struct world *w = ctx;
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(event, "message"), "id");
	const char *word = cJSON_IsString(id) ? id->valuestring : ev;
	size_t n = strlen(w->seen);

	snprintf(w->seen + n, sizeof w->seen - n, "%s ", word);
	return w->end_at && strcmp(w->end_at, word) == 0;
}

static void on_state(void *ctx, enum stream_state s, const char *why)
{
	struct world *w = ctx;

	w->lives += s == STREAM_LIVE;
	w->waits += s == STREAM_WAITING;
	if (s == STREAM_WAITING)
		snprintf(w->why, sizeof w->why, "%s", why);
}

static int on_settled(void *ctx)
{
	((struct world *)ctx)->settled++;
	return 0;
}

static const struct stream_handler *handler(struct world *w)
{
	static struct stream_handler h;

	h = (struct stream_handler){.event = on_event, .state = on_state, .settled = on_settled, .ctx = w};
	return &h;
}

static const struct conn_rim *rim(struct world *w)
{
	static struct conn_rim r;

	r = (struct conn_rim){on_send, on_drop, on_random, w};
	return &r;
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	w->conn = calloc(1, sizeof *w->conn);
	w->now = 1000 * SECOND;
	w->draw = UINT32_MAX;
	conn_init(w->conn, handler(w), rim(w), NULL);
	conn_start(w->conn, w->now);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	free(w->conn);
	free(w);
	return 0;
}

static void text(struct world *w, const char *json)
{
	conn_text(w->conn, json, strlen(json), w->now);
}

static const char *last(const struct world *w)
{
	return w->n_sent ? w->sent[(w->n_sent - 1) % 16] : "";
}

static void open_it(struct world *w)
{
	assert_true(conn_try(w->conn, w->now));
	assert_false(conn_try(w->conn, w->now));
	conn_opened(w->conn, w->now);
}

#define WELCOME(c) "{\"ev\":\"welcome\",\"cursor\":\"" c "\",\"recovered\":true,\"ping_ms\":25000}"
#define LIVE(c) "{\"ev\":\"live\",\"cursor\":\"" c "\"}"
#define MESSAGE(id, prev, c) \
	"{\"ev\":\"message\",\"cursor\":\"" c "\",\"prev\":\"" prev "\",\"message\":{\"id\":\"" id "\"}}"

static void hello_and_resume(void **state)
{
	struct world *w = *state;

	open_it(w);
	assert_string_equal(last(w), "{\"op\":\"hello\"}");
	text(w, MESSAGE("m0", "c0", "c1")); /* before welcome: not ours */
	text(w, "[" WELCOME("c1") "," LIVE("c1") "," MESSAGE("m1", "c1", "c2") "]");
	assert_int_equal(w->settled, 2);
	conn_closed(w->conn, "broken", CONN_WAIT, w->now);
	assert_string_equal(w->why, "broken");
	w->now = w->conn->next_try_us;
	open_it(w);
	assert_string_equal(last(w), "{\"op\":\"hello\",\"cursor\":\"c2\"}");
	text(w, MESSAGE("m9", "c2", "c3")); /* it would follow, but is of the time before */
	text(w, "[" WELCOME("c2") "," MESSAGE("m1", "c2", "c3") "," MESSAGE("m2", "c3", "c4") "]");
	assert_string_equal(w->seen, "welcome live m1 welcome m2 ");
	assert_string_equal(w->conn->cursor, "c4");
}

/* Full jitter: anywhere below a limit that doubles up to half a minute, and begins anew after a connection that was good. */
static void the_waits(void **state)
{
	static const uint32_t limits[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
	struct world *w = *state;

	for (unsigned i = 0; i < sizeof limits / sizeof *limits; i++) {
		assert_true(conn_try(w->conn, w->now));
		conn_closed(w->conn, "nobody there", CONN_WAIT, w->now);
		assert_int_equal(w->below, limits[i]);
		assert_int_equal(w->conn->next_try_us, w->now + (limits[i] - 1) * 1000ull);
		assert_false(conn_try(w->conn, w->conn->next_try_us - 1));
		w->now = w->conn->next_try_us;
	}
	open_it(w);
	text(w, "[" WELCOME("c1") "," LIVE("c1") "]");
	conn_closed(w->conn, "broken", CONN_AT_ONCE, w->now);
	assert_int_equal(w->below, 500);
	/* Another address is tried at once. */
	w->now = w->conn->next_try_us;
	assert_true(conn_try(w->conn, w->now));
	conn_closed(w->conn, "nobody at this address", CONN_AT_ONCE, w->now);
	assert_true(conn_try(w->conn, w->now));
	/* A bye says itself how long. */
	conn_opened(w->conn, w->now);
	text(w, "[" WELCOME("c1") "," LIVE("c1") ",{\"ev\":\"bye\",\"code\":1012,\"reconnect_after_ms\":1234}]");
	conn_because(w->conn, 1012, "draining");
	conn_closed(w->conn, "closed", CONN_WAIT, w->now);
	assert_int_equal(w->conn->next_try_us, w->now + 1234000);
	assert_string_equal(w->why, "draining");
}

static void silence(void **state)
{
	struct world *w = *state;

	open_it(w);
	w->now += 11 * SECOND;
	conn_tick(w->conn, w->now);
	assert_int_equal(w->drops, 1); /* no welcome within 10 s */
	conn_closed(w->conn, "x", CONN_WAIT, w->now);
	assert_string_equal(w->why, "the server went silent");
	w->now = w->conn->next_try_us;
	open_it(w);
	text(w, "[" WELCOME("c1") "," LIVE("c1") "]");
	unsigned n = w->n_sent;
	w->now += 25 * SECOND;
	conn_tick(w->conn, w->now);
	assert_int_equal(w->n_sent, n);
	w->now += SECOND;
	conn_tick(w->conn, w->now);
	assert_string_equal(last(w), "{\"op\":\"ping\"}");
	w->now += 9 * SECOND;
	text(w, "{\"ev\":\"pong\"}");
	w->now += 9 * SECOND;
	conn_tick(w->conn, w->now);
	assert_int_equal(w->drops, 1);
	w->now += 17 * SECOND;
	conn_tick(w->conn, w->now);
	w->now += 11 * SECOND;
	conn_tick(w->conn, w->now);
	assert_int_equal(w->drops, 2);
}

static void gaps(void **state)
{
	struct world *w = *state;

	open_it(w);
	for (unsigned i = 1; i <= 3; i++) {
		text(w, "[" WELCOME("c1") "," MESSAGE("m2", "c2", "c3") "," MESSAGE("m3", "c3", "c4") "]");
		assert_int_equal(w->n_sent, 1 + i);
		assert_string_equal(last(w), "{\"op\":\"hello\",\"cursor\":\"c1\"}");
	}
	assert_int_equal(w->drops, 0);
	text(w, "[" WELCOME("c1") "," MESSAGE("m2", "c2", "c3") "," MESSAGE("m1", "c1", "c2") "," LIVE("c2") "]");
	assert_int_equal(w->drops, 1);
	assert_int_equal(w->n_sent, 4);
	assert_string_equal(w->seen, "welcome welcome welcome welcome ");
}

static void final_codes(void **state)
{
	static const struct {
		int code;
		bool final;
	} rows[] = {{1001, false}, {1006, false}, {1012, false}, {4008, false}, {4011, false}, {4029, false},
		{408, false}, {429, false}, {500, false}, {503, false}, {4400, true}, {4401, true}, {4403, true},
		{4409, true}, {4426, true}, {400, true}, {401, true}, {403, true}};
	struct world *w = *state;

	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		conn_init(w->conn, handler(w), rim(w), NULL);
		conn_start(w->conn, w->now);
		open_it(w);
		conn_because(w->conn, rows[i].code, "so it is");
		conn_closed(w->conn, "closed", CONN_WAIT, w->now);
		assert_int_equal(w->conn->refused, rows[i].final);
		assert_int_equal(w->conn->code, rows[i].code);
		assert_string_equal(w->conn->why, "so it is");
	}
}

static void the_end(void **state)
{
	struct world *w = *state;

	w->end_at = "m1";
	open_it(w);
	text(w, "[" WELCOME("c1") "," MESSAGE("m1", "c1", "c2") "," MESSAGE("m2", "c2", "c3") "]");
	assert_true(w->conn->done);
	assert_string_equal(w->conn->cursor, "c2");
	assert_string_equal(last(w), "{\"op\":\"ping\"}");
	assert_false(w->conn->drained);
	text(w, "{\"ev\":\"pong\"}");
	assert_true(w->conn->drained);
	assert_string_equal(w->seen, "welcome m1 ");
}

/* ---- a server that does anything ---- */

static uint64_t seed;

static uint32_t dice(uint32_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % below;
}

/* The truth: event i has cursor "c<i>", prev "c<i-1>", and is message "m<i>". The client must see it all after its place. */
struct truth {
	struct conn *conn;
	struct stream_handler handler;
	struct conn_rim rim;
	uint64_t now;
	unsigned head;    /* the last event that exists */
	unsigned at;      /* the last one that the handler saw */
	bool placed;      /* a welcome has said where it is */
	unsigned sent_to; /* the last one that was written to this connection */
	bool greeted, dropped, lost_place;
	unsigned reloads;
};

static int truth_event(void *ctx, const char *ev, const cJSON *event)
{
	struct truth *t = ctx;
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(event, "message"), "id");

	if (strcmp(ev, "welcome") == 0) {
		unsigned where = (unsigned)atoi(cJSON_GetObjectItemCaseSensitive(event, "cursor")->valuestring + 1);
		bool recovered = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(event, "recovered"));
		if (recovered && t->placed)
			assert_int_equal(where, t->at);
		else
			t->reloads++;
		t->at = where;
		t->placed = true;
	} else if (strcmp(ev, "message") == 0) {
		assert_int_equal(atoi(id->valuestring + 1), t->at + 1);
		t->at++;
	}
	return 0;
}

static uint32_t truth_random(void *ctx, uint32_t below)
{
	(void)ctx;
	return dice(below);
}

static void truth_drop(void *ctx)
{
	((struct truth *)ctx)->dropped = true;
}

/* The server answers a hello: from its cursor on, or, now and then, not knowing it. */
static int truth_send(void *ctx, const char *frame)
{
	struct truth *t = ctx;
	const char *cursor = strstr(frame, "\"cursor\":\"c");

	if (!strstr(frame, "hello"))
		return 0;
	t->lost_place = !cursor || dice(20) == 0;
	t->sent_to = t->lost_place ? t->head : (unsigned)atoi(cursor + 11);
	t->greeted = false;
	return 0;
}

static void add_message(char *out, size_t max, unsigned n)
{
	size_t at = strlen(out);

	snprintf(out + at, max - at,
		"%s{\"ev\":\"message\",\"cursor\":\"c%u\",\"prev\":\"c%u\",\"message\":{\"id\":\"m%u\"}}",
		at > 1 ? "," : "", n, n - 1, n);
}

/* One frame of what comes next, with an event left out or said twice now and then. */
static void serve_frame(struct truth *t)
{
	static char frame[8192];
	unsigned n = 1 + dice(5);

	strcpy(frame, "[");
	if (!t->greeted)
		snprintf(frame, sizeof frame, "[{\"ev\":\"welcome\",\"cursor\":\"c%u\",\"recovered\":%s}", t->sent_to,
			t->lost_place ? "false" : "true");
	t->greeted = true;
	for (; n && t->sent_to < t->head; n--) {
		unsigned what = dice(30);
		if (what == 0)
			t->sent_to++; /* a gap */
		else if (what == 1 && t->sent_to)
			add_message(frame, sizeof frame, t->sent_to); /* once more */
		else
			add_message(frame, sizeof frame, ++t->sent_to);
	}
	strcat(frame, "]");
	conn_text(t->conn, frame, strlen(frame), t->now);
}

static void step(struct truth *t)
{
	t->now += dice(2 * SECOND);
	conn_tick(t->conn, t->now);
	if (!t->conn->open) {
		if (!conn_try(t->conn, t->now))
			return;
		if (dice(4) == 0)
			conn_closed(t->conn, "nobody there", CONN_WAIT, t->now);
		else
			conn_opened(t->conn, t->now);
		return;
	}
	if (t->dropped || dice(12) == 0) {
		t->dropped = false;
		conn_closed(t->conn, "cut", CONN_WAIT, t->now);
		return;
	}
	if (t->head < EVENTS_MAX && dice(2))
		t->head += dice(6);
	if (dice(8))
		serve_frame(t);
}

static void any_server(void **state)
{
	unsigned reloads = 0, events = 0;

	(void)state;
	for (unsigned run = 0; run < RUNS; run++) {
		struct truth t = {.now = 1000 * SECOND};
		t.conn = calloc(1, sizeof *t.conn);
		t.handler = (struct stream_handler){.event = truth_event, .ctx = &t};
		t.rim = (struct conn_rim){truth_send, truth_drop, truth_random, &t};
		seed = run + 1;
		conn_init(t.conn, &t.handler, &t.rim, NULL);
		conn_start(t.conn, t.now);
		for (unsigned i = 0; i < STEPS; i++)
			step(&t);
		/* At rest, a good server brings it to the head. */
		for (unsigned i = 0; i < 2000 && (!t.placed || t.at < t.head); i++)
			step(&t);
		assert_int_equal(t.at, t.head);
		reloads += t.reloads;
		events += t.head;
		free(t.conn);
	}
	assert_true(reloads > RUNS);
	assert_true(events > RUNS * 100);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(hello_and_resume),
		TEST(the_waits),
		TEST(silence),
		TEST(gaps),
		TEST(final_codes),
		TEST(the_end),
		cmocka_unit_test(any_server),
	};
	return cmocka_run_group_tests_name("client_conn", tests, NULL, NULL);
}
