/* The session: whatever races between pushes, pages and the socket, what is written is one chain without a gap. */
#include "common/wire/json.h"
#include "server/api/session.h"
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { RECORDS_MAX = 4096, OUT_MAX = 2 << 20, ME = 1, PEER = 2, OTHER = 3 };

/* A little journal: the records of ME's stream, and strangers' between them. */
static struct record records[RECORDS_MAX];
static _Alignas(8) uint8_t bytes[RECORDS_MAX][1024];
static uint32_t n_records;
static struct place heads[4];

static struct str name_of(void *ctx, uint32_t user)
{
	static const char *const names[] = {"?", "me", "peer", "other"};

	(void)ctx;
	return str_of(names[user]);
}
static const struct token_key key = {{1, 2, 3}, 9};
static const struct writer writer = {&key, name_of, NULL};
static const struct welcome hi = {{"me", 2}, {"dev", 3}, 25000, {"{}", 2}};

static struct record *add_record(uint8_t type, uint32_t actor, uint32_t peer, const char *body)
{
	struct record *r = &records[n_records];

	*r = (struct record){
		.type = type,
		.at = {1000 + 1024 * (uint64_t)n_records, 0},
		.time_ms = 1767323045678,
		.actor = actor,
		.peer = peer,
		.prev_actor = heads[actor],
		.prev_peer = heads[peer],
		.link = {500, 77},
		.ordinal = n_records + 1,
		.client_id = type == RECORD_MESSAGE ? STR("cid") : STR(""),
		.body = str_of(body),
	};
	assert_true(record_size(r->client_id.n, r->body.n) <= sizeof bytes[0]);
	record_encode(r, bytes[n_records]);
	assert_int_equal(record_decode(r, bytes[n_records], sizeof bytes[0], r->at.pos, true), 0);
	if (type != RECORD_DELIVERED)
		heads[actor] = r->at;
	heads[peer] = r->at;
	n_records++;
	return r;
}

static struct record *message(const char *body)
{
	return add_record(RECORD_MESSAGE, PEER, ME, body);
}

static bool mine(const struct record *r)
{
	return r->peer == ME || (r->actor == ME && r->type != RECORD_DELIVERED);
}

/* What store_stream() answers, of the first `upto` records. */
static enum stream_answer stream(struct place after, uint32_t limit, uint32_t upto, struct page *out)
{
	bool known = after.pos == 0;

	page_init(out);
	for (uint32_t i = 0; i < upto; i++)
		known = known ||
			(mine(&records[i]) && records[i].at.pos == after.pos && records[i].at.crc == after.crc);
	for (uint32_t i = 0; known && i < upto; i++) {
		if (!mine(&records[i]) || records[i].at.pos <= after.pos)
			continue;
		if (out->n == limit) {
			out->more = true;
			break;
		}
		assert_non_null(page_add(out, &records[i], bytes[i]));
	}
	return known ? STREAM_OK : STREAM_UNKNOWN;
}

static void give_page(struct ws_session *s, uint32_t upto)
{
	struct page page;

	assert_true(s->want_page);
	enum stream_answer a = stream(s->at, s->page_limit, upto, &page);
	session_page(s, s->hello, a, &page, heads[ME], &hi);
	page_release(&page);
}

/* The client's side: reads frames, follows the chain. */
struct client {
	char cursor[CURSOR_TEXT];
	char text[OUT_MAX]; /* all events since the last look, one a line */
	size_t len;
	uint32_t events, sent, bare, lives, welcomes;
};
static struct client client;

static struct str member(struct str event, const char *name)
{
	const char *const names[] = {name};
	struct json_value v[1];
	struct json_error err;

	assert_int_equal(json_object(event, names, v, 1, &err), 0);
	return v[0].type == JSON_NONE ? (struct str){NULL, 0} : v[0].raw;
}

static void follow(struct str event)
{
	struct str ev = member(event, "ev"), cursor = member(event, "cursor"), prev = member(event, "prev");

	client.welcomes += str_is(ev, "welcome");
	client.lives += str_is(ev, "live");
	client.bare += str_is(ev, "sent") && cursor.n == 0;
	client.sent += str_is(ev, "sent");
	if (str_is(ev, "welcome"))
		memcpy(client.cursor, cursor.p, CURSOR_TEXT);
	else if (prev.n) {
		assert_memory_equal(prev.p, client.cursor, CURSOR_TEXT);
		memcpy(client.cursor, cursor.p, CURSOR_TEXT);
		client.events++;
	} else if (str_is(ev, "live")) {
		assert_memory_equal(cursor.p, client.cursor, CURSOR_TEXT);
	}
	memcpy(client.text + client.len, event.p, event.n);
	client.len += event.n;
	client.text[client.len++] = '\n';
	client.text[client.len] = 0;
}

/* One ws_fill. */
static bool take(struct ws_session *s)
{
	struct buf out;
	struct json_array a;
	struct json_error err;
	struct str event;
	enum json_type type;

	buf_init(&out, 192 * 1024);
	bool more = session_take(s, &out);
	assert_false(out.failed);
	if (out.len) {
		assert_int_equal(json_array_begin(&a, buf_str(&out), &err), 0);
		int rc;
		while ((rc = json_array_next(&a, &event, &type, &err)) == 1)
			follow(event);
		assert_int_equal(rc, 0);
	}
	buf_release(&out);
	return more;
}

static void take_all(struct ws_session *s)
{
	while (take(s))
		;
}

static int setup(void **state)
{
	(void)state;
	n_records = 0;
	memset(heads, 0, sizeof heads);
	memset(&client, 0, sizeof client);
	return 0;
}

static void start(struct ws_session *s)
{
	session_init(s, &writer, ME);
	session_start(s, heads[ME], &hi);
	take_all(s);
	assert_int_equal(client.welcomes, 1);
	assert_int_equal(client.lives, 1);
	client.len = 0;
}

static void test_chain(void **state)
{
	struct ws_session s;
	struct buf b;

	(void)state;
	start(&s);
	assert_int_equal(s.state, SESSION_LIVE);
	struct record *m = message("one \"two\"");
	session_event(&s, m);
	session_event(&s, m); /* told twice, written once */
	session_event(&s, add_record(RECORD_READ, ME, PEER, ""));
	session_event(&s, add_record(RECORD_READ, PEER, ME, ""));
	session_event(&s, add_record(RECORD_DELIVERED, PEER, ME, ""));
	take_all(&s);
	assert_int_equal(client.events, 4);
	assert_null(s.out.data); /* idle: no memory */
	buf_init(&b, 4096);
	write_message(&b, &writer, m, 0, 0);
	char *end = strchr(client.text, '\n');
	struct str object = member((struct str){client.text, (size_t)(end - client.text)}, "message");
	assert_true(str_eq(object, buf_str(&b)));
	assert_non_null(strstr(
		client.text, "\"sent_at\":\"2026-01-02T03:04:05.678Z\",\"delivered_at\":null,\"read_at\":null}}"));
	assert_non_null(strstr(client.text, "{\"ev\":\"read\""));
	assert_non_null(strstr(client.text, "\"state\":\"read\",\"id\":"));
	assert_non_null(strstr(client.text, "\"state\":\"delivered\",\"id\":"));
	buf_release(&b);
	session_release(&s);
}

static void test_gap(void **state)
{
	struct ws_session s;

	(void)state;
	start(&s);
	message("lost on its way");
	session_event(&s, message("seen"));
	assert_int_equal(s.state, SESSION_CATCHING);
	take_all(&s);
	assert_int_equal(client.events, 0);
	/* The page was read before the third was stored, and comes after its push was dropped. */
	session_event(&s, message("third"));
	give_page(&s, 2);
	assert_int_equal(s.state, SESSION_CATCHING);
	give_page(&s, 3);
	assert_int_equal(s.state, SESSION_LIVE);
	take_all(&s);
	assert_int_equal(client.events, 3);
	assert_int_equal(client.lives, 1); /* only a hello's catch-up ends with live */
	session_event(&s, message("fourth"));
	take_all(&s);
	assert_int_equal(client.events, 4);
	session_release(&s);
}

static struct outcome outcome_of(const struct record *r)
{
	return (struct outcome){
		.token = 7, .actor = r->actor, .peer = r->peer, .at = r->at, .time_ms = r->time_ms, .client_id = "cid"};
}

static void test_sent(void **state)
{
	struct ws_session s;

	(void)state;
	start(&s);
	struct record *r = add_record(RECORD_MESSAGE, ME, PEER, "mine");
	struct outcome o = outcome_of(r);
	session_sent(&s, &o, r);
	take_all(&s);
	assert_int_equal(client.events, 1); /* takes the place of the event */
	assert_int_equal(client.bare, 0);
	o.replayed = true;
	session_sent(&s, &o, NULL);
	take_all(&s);
	assert_int_equal(client.bare, 1);
	assert_non_null(strstr(client.text, "\"replayed\":true"));

	message("lost");
	r = add_record(RECORD_MESSAGE, ME, PEER, "after a gap");
	o = outcome_of(r);
	session_sent(&s, &o, r);
	take_all(&s);
	assert_int_equal(client.bare, 2);
	give_page(&s, n_records);
	take_all(&s);
	assert_int_equal(client.events, 3);
	assert_int_equal(s.state, SESSION_LIVE);
	session_sent(&s, &o, r); /* its event came by a page before */
	take_all(&s);
	assert_int_equal(client.bare, 3);
	session_release(&s);
}

static void test_hello(void **state)
{
	struct ws_session s;
	struct page page;

	(void)state;
	message("a");
	message("b");
	session_init(&s, &writer, ME);
	session_event(&s, &records[1]); /* before hello nothing is written */
	assert_int_equal(s.out.len, 0);
	session_ask(&s, records[0].at);
	session_event(&s, message("c"));
	give_page(&s, 2);
	give_page(&s, 3);
	take_all(&s);
	assert_non_null(strstr(client.text, "\"recovered\":true"));
	assert_int_equal(client.events, 2);
	assert_int_equal(client.lives, 1);

	/* Again, while a page of the first one is still on its way: that one is void. */
	session_ask(&s, records[1].at);
	uint32_t old = s.hello;
	enum stream_answer a = stream(s.at, 10, 3, &page);
	session_ask(&s, (struct place){12345, 1});
	session_page(&s, old, a, &page, heads[ME], &hi);
	page_release(&page);
	assert_int_equal(s.out.len, 0);
	client.len = 0;
	give_page(&s, 3);
	take_all(&s);
	assert_non_null(strstr(client.text, "\"recovered\":false"));
	assert_int_equal(client.events, 2);
	assert_int_equal(s.state, SESSION_LIVE);
	assert_int_equal(s.at.pos, records[2].at.pos);
	session_release(&s);
}

static void test_lagging(void **state)
{
	char body[600];
	struct ws_session s;

	(void)state;
	start(&s);
	memset(body, 'x', sizeof body - 1);
	body[sizeof body - 1] = 0;
	for (int i = 0; i < 500; i++)
		session_event(&s, message(body));
	assert_int_equal(s.state, SESSION_LAGGING);
	assert_true(s.out.len < SESSION_EVENTS_MAX + 2048);
	for (int i = 0; i < 1000 && s.state != SESSION_LIVE; i++) {
		take(&s);
		if (s.want_page)
			give_page(&s, n_records);
		assert_true(s.out.len < SESSION_EVENTS_MAX + 2048);
	}
	take_all(&s);
	assert_int_equal(client.events, 500);
	session_release(&s);
}

/* Answers may pile up past one frame: they are cut between elements. */
static void test_cut(void **state)
{
	struct ws_session s;

	(void)state;
	start(&s);
	struct record *r = add_record(RECORD_MESSAGE, ME, PEER, "x");
	struct outcome o = outcome_of(r);
	for (int i = 0; i < 2000; i++)
		session_sent(&s, &o, NULL);
	assert_true(s.n_cuts > 2);
	take_all(&s);
	assert_int_equal(client.bare, 2000);
	assert_false(s.broken);
	while (!s.broken)
		session_sent(&s, &o, NULL);
	assert_true(s.out.len <= SESSION_OUT_MAX);
	session_release(&s);
}

/* A push or a page that is somewhere between the threads. */
struct flying {
	uint32_t told; /* records pushed so far */
	bool reading;
	uint32_t hello, upto;
	struct page page;
	enum stream_answer answer;
};
static uint32_t seed;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static void push_next(struct ws_session *s, struct flying *f)
{
	const struct record *r = &records[f->told++];

	if (!mine(r) || rnd(50) == 0) /* one is lost now and then: out of memory in the distributor */
		return;
	if (r->actor == ME && r->type == RECORD_MESSAGE) {
		struct outcome o = outcome_of(r);
		session_sent(s, &o, r);
	} else {
		session_event(s, r);
	}
}

static void random_step(struct ws_session *s, struct flying *f)
{
	static char body[700];
	uint32_t what = rnd(100);

	memset(body, 'y', sizeof body - 1);
	if (what < 40 && n_records < RECORDS_MAX)
		add_record(rnd(4) ? RECORD_MESSAGE : RECORD_READ, rnd(3) + 1, rnd(3) + 1, "");
	else if (what < 70 && f->told < n_records)
		push_next(s, f);
	else if (what < 80 && s->want_page && !f->reading) {
		/* The store is never behind what was pushed, nor behind itself. */
		if (f->upto < f->told)
			f->upto = f->told;
		f->upto += rnd(n_records - f->upto + 1);
		f->hello = s->hello;
		f->answer = stream(s->at, s->page_limit, f->upto, &f->page);
		f->reading = true;
	} else if (what < 90 && f->reading) {
		session_page(s, f->hello, f->answer, &f->page, heads[ME], &hi);
		page_release(&f->page);
		f->reading = false;
	} else if (what == 99 && rnd(20) == 0)
		session_ask(s, s->at);
	else if (what > 95)
		take(s);
}

static void test_races(void **state)
{
	(void)state;
	for (uint32_t round = 1; round <= 30; round++) {
		struct ws_session s;
		struct flying f = {0};
		setup(NULL);
		seed = round;
		session_init(&s, &writer, ME);
		session_ask(&s, (struct place){0, 0});
		for (int i = 0; i < 6000; i++)
			random_step(&s, &f);
		if (f.reading)
			page_release(&f.page);
		while (f.told < n_records)
			push_next(&s, &f);
		session_event(&s, add_record(RECORD_MESSAGE, PEER, ME, "last"));
		for (int i = 0; i < 10000 && (s.state != SESSION_LIVE || s.out.len); i++) {
			if (s.want_page)
				give_page(&s, n_records);
			take(&s);
		}
		assert_int_equal(s.state, SESSION_LIVE);
		assert_int_equal(s.at.pos, heads[ME].pos);
		assert_memory_equal(client.cursor, s.cursor, CURSOR_TEXT);
		assert_false(s.broken);
		session_release(&s);
	}
}

static void test_refusals(void **state)
{
	struct refusal why = {ERR_TOO_LARGE, "body", "a \"quoted\" reason", 10};
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	write_error(&b, 5, &why);
	assert_true(str_is(buf_str(&b), "{\"ev\":\"error\",\"ref\":5,\"code\":\"too-large\",\"title\":\"Too "
					"large\",\"detail\":\"a \\\"quoted\\\" reason\","
					"\"field\":\"body\",\"limit\":10}"));
	buf_reset(&b);
	write_problem(&b, &(struct refusal){.err = ERR_OVERLOADED}, 0);
	assert_true(str_is(buf_str(&b),
		"{\"type\":\"about:blank\",\"status\":503,\"code\":\"overloaded\",\"title\":\"Overloaded\",\"detail\":"
		"\"Overloaded\",\"retry_after_ms\":1000}"));
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_chain, setup),
		cmocka_unit_test_setup(test_gap, setup),
		cmocka_unit_test_setup(test_sent, setup),
		cmocka_unit_test_setup(test_hello, setup),
		cmocka_unit_test_setup(test_lagging, setup),
		cmocka_unit_test_setup(test_cut, setup),
		cmocka_unit_test_setup(test_races, setup),
		cmocka_unit_test_setup(test_refusals, setup),
	};
	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("frames", tests, NULL, NULL);
}
