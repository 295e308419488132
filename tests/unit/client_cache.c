/* Chats on this machine: windows, places, marks, what comes twice or in the wrong order, and how long the first paint takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "common/client/cache.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char url[] = "http://127.0.0.1:1";

struct place {
	char dir[64], path[700];
	struct client_db *d;
};

static int set_up(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	char why[256] = "";

	snprintf(p->dir, sizeof p->dir, "%s", "/tmp/chat-unit.XXXXXX");
	if (!mkdtemp(p->dir) || setenv("CHAT_CONFIG_DIR", p->dir, 1) || client_db_path("ada", true, p->path))
		return -1;
	p->d = client_db_open(p->path, url, "ada", why);
	*state = p;
	return p->d ? 0 : -1;
}

static int tear_down(void **state)
{
	struct place *p = *state;
	char command[128];

	client_db_close(p->d);
	snprintf(command, sizeof command, "rm -rf '%s'", p->dir);
	int rc = system(command);
	free(p);
	return rc;
}

/* Message "b3" came from bob, "a3" went to bob; what comes is read or not by its end: "b3+". */
static struct client_message message(const char *id)
{
	bool mine = id[0] == 'a';

	return (struct client_message){.id = id,
		.client_id = id,
		.from = mine ? "ada" : "bob",
		.to = mine ? "bob" : "ada",
		.kind = "text",
		.body = id,
		.sent_at = "2026-01-02T03:04:05.678Z"};
}

static struct cache_message come(struct client_db *d, const char *id)
{
	struct client_message m = message(id);
	struct cache_message got;

	assert_int_equal(cache_begin(d), 0);
	assert_int_equal(cache_end(d, cache_message(d, &m, &got)), 0);
	return got;
}

/* ids: the newest first, with a blank between. */
static unsigned page(struct client_db *d, const struct cache_spot *spot, const char *ids, bool complete)
{
	struct client_message list[64];
	char words[512], *rest = words;
	unsigned n = 0, added;

	snprintf(words, sizeof words, "%s", ids);
	for (char *id; *rest && (id = strsep(&rest, " ")); n++) {
		list[n] = message(id);
		if (!rest)
			rest = "";
	}
	assert_int_equal(cache_page(d, "bob", spot, list, n, complete, &added), 0);
	return added;
}

static struct cache_spot spot_of(struct client_db *d)
{
	struct cache_spot spot;

	assert_int_equal(cache_spot(d, "bob", &spot), 0);
	return spot;
}

static int join(void *ctx, const struct chat_line *l)
{
	static const char states[] = {' ', '.', ':', '!'};
	char *out = ctx;

	snprintf(out + strlen(out), 4096 - strlen(out), "%s%s%c", l->place ? "" : "~", l->m.id, states[l->state]);
	return 0;
}

/* The newest first; behind what I sent: . sent, : delivered, ! read; a ~ before what has no place yet. */
static void assert_lines(struct client_db *d, const char *wanted)
{
	char got[4096] = "";

	assert_int_equal(client_db_lines(d, "bob", 0, 100, join, got), 0);
	assert_string_equal(got, wanted);
}

static struct client_chat chat(struct client_db *d)
{
	struct client_chat c;

	assert_int_equal(client_db_chat(d, "bob", &c), 0);
	free((char *)c.last_body);
	free((char *)c.draft);
	c.last_body = c.draft = NULL;
	return c;
}

#define DO(d, call)                                        \
	do {                                               \
		assert_int_equal(cache_begin(d), 0);       \
		assert_int_equal(cache_end(d, (call)), 0); \
	} while (0)

static void windows(void **state)
{
	struct client_db *d = ((struct place *)*state)->d;
	struct cache_spot spot;

	assert_true(come(d, "b5").first);
	assert_false(come(d, "b6").first);
	assert_false(come(d, "b5").placed);
	assert_true(come(d, "a7").mine);
	assert_lines(d, "a7.b6 b5 ");
	assert_int_equal(chat(d).unread, 2);
	assert_string_equal(chat(d).last_id, "a7");
	spot = spot_of(d);
	assert_string_equal(spot.before, "b5");
	assert_int_equal(page(d, &spot, "b4 a3", false), 2);
	assert_lines(d, "a7.b6 b5 b4 a3.");
	assert_int_equal(page(d, &spot, "b4 a3", false), 0);
	spot = spot_of(d);
	assert_string_equal(spot.before, "a3");
	assert_int_equal(page(d, &spot, "b2 b1", true), 2);
	assert_true(spot_of(d).complete);
	assert_true(chat(d).complete);
	come(d, "b8");
	assert_lines(d, "b8 a7.b6 b5 b4 a3.b2 b1 ");
	assert_string_equal(chat(d).last_id, "b8");
}

/* An answer that is ahead of the stream: what the stream will bring is not placed by it. */
static void a_page_ahead_of_the_stream(void **state)
{
	struct client_db *d = ((struct place *)*state)->d;
	struct cache_spot spot = spot_of(d);

	come(d, "b3"); /* while the page was under way */
	assert_int_equal(page(d, &spot, "b5 b4 b3 b2", false), 1);
	assert_lines(d, "b3 b2 ");
	come(d, "b4");
	come(d, "b5");
	assert_lines(d, "b5 b4 b3 b2 ");
}

static void a_page_into_an_empty_window(void **state)
{
	struct client_db *d = ((struct place *)*state)->d;
	struct cache_spot spot = spot_of(d);

	assert_int_equal(page(d, &spot, "b5 b4 b3", true), 3);
	come(d, "b4");
	come(d, "b5");
	come(d, "b6");
	assert_lines(d, "b6 b5 b4 b3 ");
}

/* The stream's place was lost: what was before is only searchable, and a page of the time before is of no use. */
static void a_new_beginning(void **state)
{
	struct client_db *d = ((struct place *)*state)->d;
	struct cache_spot old;

	come(d, "b1");
	come(d, "b2");
	old = spot_of(d);
	DO(d, cache_reset(d));
	assert_lines(d, "");
	assert_string_equal(chat(d).last_id, "b2");
	assert_int_equal(page(d, &old, "b0", true), 0);
	assert_lines(d, "");
	assert_true(come(d, "b9").first);
	old = spot_of(d);
	assert_int_equal(page(d, &old, "b8 b2 b1", false), 3);
	assert_lines(d, "b9 b8 b2 b1 ");
}

static void marks(void **state)
{
	struct client_db *d = ((struct place *)*state)->d;

	come(d, "a1");
	come(d, "b2");
	come(d, "a3");
	come(d, "a4");
	come(d, "b5");
	assert_lines(d, "b5 a4.a3.b2 a1.");
	DO(d, cache_receipt(d, "bob", false, "a3", NULL, "t"));
	assert_lines(d, "b5 a4.a3:b2 a1:");
	DO(d, cache_receipt(d, "bob", true, "a1", NULL, "t"));
	assert_lines(d, "b5 a4.a3:b2 a1!");
	DO(d, cache_receipt(d, "bob", true, NULL, "a4", "t"));
	assert_lines(d, "b5 a4!a3:b2 a1!");
	/* Marks do not go back. */
	DO(d, cache_receipt(d, "bob", false, "a1", NULL, "t"));
	assert_lines(d, "b5 a4!a3:b2 a1!");
	DO(d, cache_receipt(d, "bob", true, "a4", NULL, "t"));
	assert_lines(d, "b5 a4!a3!b2 a1!");
	assert_int_equal(chat(d).unread, 2);
	assert_true(client_db_first_unread(d, "bob") > 0);
	DO(d, cache_read(d, "bob", "b2", NULL, 1));
	assert_int_equal(chat(d).unread, 1);
	DO(d, cache_read(d, "bob", NULL, "b5", 0));
	assert_int_equal(chat(d).unread, 0);
	assert_int_equal(client_db_first_unread(d, "bob"), 0);
}

static void a_mark_that_the_server_is_to_be_told(void **state)
{
	struct client_db *d = ((struct place *)*state)->d;
	char with[33], up_to[65];

	assert_int_equal(cache_mark_next(d, with, up_to), 1);
	come(d, "b1");
	come(d, "b2");
	come(d, "a3");
	DO(d, cache_mark_want(d, "bob", "a3")); /* only what came to me can be marked */
	assert_int_equal(chat(d).unread, 0);
	assert_int_equal(client_db_first_unread(d, "bob"), 0);
	assert_int_equal(cache_mark_next(d, with, up_to), 0);
	assert_string_equal(with, "bob");
	assert_string_equal(up_to, "b2");
	come(d, "b4");
	assert_int_equal(chat(d).unread, 1);
	DO(d, cache_mark_done(d, "bob", "b1")); /* of an older mark */
	assert_int_equal(cache_mark_next(d, with, up_to), 0);
	DO(d, cache_read(d, "bob", "b2", NULL, 1));
	DO(d, cache_mark_done(d, "bob", "b2"));
	assert_int_equal(cache_mark_next(d, with, up_to), 1);
	assert_int_equal(chat(d).unread, 1);
	assert_int_equal(cache_begin(d), 0);
	assert_int_equal(cache_mark_want(d, "bob", "b2"), 1);
	assert_int_equal(cache_mark_want(d, "bob", "nothing"), 1);
	assert_int_equal(cache_end(d, 0), 0);
}

/* The server's list counts for a chat when the stream is at the same message. */
static void conversations(void **state)
{
	struct client_db *d = ((struct place *)*state)->d;
	struct cache_conversation c = {.with = "bob", .last = message("b2"), .unread = 7, .peer_read_up_to = "a1"};

	DO(d, cache_conversation(d, &c));
	assert_int_equal(chat(d).unread, 7);
	assert_string_equal(chat(d).last_id, "b2");
	assert_lines(d, "");
	come(d, "b3");
	assert_int_equal(chat(d).unread, 8);
	assert_int_equal(cache_begin(d), 0);
	assert_int_equal(cache_conversation(d, &c), 1); /* behind the stream */
	assert_int_equal(cache_end(d, 0), 0);
	c.last = message("b3");
	c.unread = 2;
	DO(d, cache_conversation(d, &c));
	assert_int_equal(chat(d).unread, 2);
}

static int join_chats(void *ctx, const struct client_chat *c)
{
	char *out = ctx;

	snprintf(out + strlen(out), 512 - strlen(out), "%s(%s%s%s%s) ", c->with, c->alias, c->blocked ? " blocked" : "",
		c->muted ? " muted" : "", c->draft ? " draft" : "");
	return 0;
}

static void assert_chats(struct client_db *d, bool contacts, const char *wanted)
{
	char got[512] = "";

	assert_int_equal(client_db_chats(d, contacts, join_chats, got), 0);
	assert_string_equal(got, wanted);
}

static void the_list(void **state)
{
	struct client_db *d = ((struct place *)*state)->d;
	struct outbox_entry e = {.client_id = "c1", .to = "dan", .kind = "text", .body = "hi"};

	assert_chats(d, true, "");
	come(d, "b1");
	DO(d, cache_list_add(d, CACHE_CONTACTS, "carl", "Carl the Great"));
	DO(d, cache_list_add(d, CACHE_BLOCKS, "eve", NULL));
	assert_chats(d, false, "bob() ");
	assert_chats(d, true, "bob() carl(Carl the Great) eve( blocked) ");
	DO(d, cache_draft(d, "carl", "half a"));
	DO(d, cache_mute(d, "bob", true));
	assert_chats(d, false, "bob( muted) carl(Carl the Great draft) ");
	DO(d, cache_draft(d, "carl", ""));
	DO(d, cache_list_clear(d, CACHE_CONTACTS));
	assert_chats(d, true, "bob( muted) eve( blocked) ");
	assert_int_equal(client_db_entry_add(d, &e), ENTRY_ADDED);
	assert_chats(d, false, "dan() bob( muted) ");
}

/* From the outbox into the chat, whichever comes first: the answer or the stream. */
static void what_is_sent(void **state)
{
	struct client_db *d = ((struct place *)*state)->d;
	struct outbox_entry e = {.client_id = "a2", .to = "bob", .kind = "text", .body = "a2"};
	struct settlement s = {"a2", SETTLED_SENT, "a2", "2026-01-02T03:04:05.678Z", NULL};

	come(d, "b1");
	assert_int_equal(client_db_entry_add(d, &e), ENTRY_ADDED);
	assert_int_equal(chat(d).queued, 1);
	assert_int_equal(client_db_settle(d, &s, 1), 0);
	assert_int_equal(chat(d).queued, 0);
	assert_string_equal(chat(d).last_id, "a2");
	assert_lines(d, "~a2.b1 ");
	come(d, "b3");
	assert_lines(d, "~a2.b3 b1 ");
	assert_true(come(d, "a2").placed);
	assert_lines(d, "a2.b3 b1 ");

	snprintf(e.client_id, sizeof e.client_id, "a4");
	e.body = "a4";
	s = (struct settlement){"a4", SETTLED_SENT, "a4", "2026-01-02T03:04:05.678Z", NULL};
	assert_int_equal(client_db_entry_add(d, &e), ENTRY_ADDED);
	assert_true(come(d, "a4").settled);
	assert_int_equal(chat(d).queued, 0);
	assert_int_equal(client_db_settle(d, &s, 1), 0);
	assert_lines(d, "a4.a2.b3 b1 ");
}

static int count_line(void *ctx, const struct chat_line *l)
{
	(void)l;
	++*(unsigned *)ctx;
	return 0;
}

static int count_chat(void *ctx, const struct client_chat *c)
{
	(void)c;
	++*(unsigned *)ctx;
	return 0;
}

/* 100,000 messages in 200 chats: the first paint, as a program that has just begun reads it. */
static void the_first_paint(void **state)
{
	struct place *p = *state;
	char id[16], from[16], why[256];
	unsigned chats = 0, lines = 0;

	assert_int_equal(cache_begin(p->d), 0);
	for (unsigned i = 0; i < 100000; i++) {
		struct cache_message got;
		struct client_message m = message("b");
		snprintf(id, sizeof id, "m%u", i);
		snprintf(from, sizeof from, "user%u", i % 200);
		m.id = id;
		m.from = from;
		assert_int_equal(cache_message(p->d, &m, &got), 0);
	}
	assert_int_equal(cache_end(p->d, 0), 0);
	client_db_close(p->d);
	uint64_t began = clock_mono_us();
	p->d = client_db_open(p->path, url, "ada", why);
	assert_non_null(p->d);
	assert_int_equal(client_db_chats(p->d, false, count_chat, &chats), 0);
	assert_int_equal(client_db_lines(p->d, "user7", 0, 100, count_line, &lines), 0);
	assert_true(client_db_first_unread(p->d, "user7") > 0);
	uint64_t took = clock_mono_us() - began;
	print_message("# the first paint took %llu us\n", (unsigned long long)took);
	assert_int_equal(chats, 200);
	assert_int_equal(lines, 100);
	assert_true(took < 200000); /* 20 ms where nobody else works */
}

static void removal(void **state)
{
	struct place *p = *state;
	struct outbox_entry e = {.client_id = "c1", .to = "dan", .kind = "text", .body = "hi"};
	char why[256] = "";
	unsigned waiting;
	struct stat st;

	assert_int_equal(client_db_entry_add(p->d, &e), ENTRY_ADDED);
	assert_int_equal(client_db_remove("ada", false, &waiting, why), -1);
	assert_non_null(strstr(why, "in use"));
	client_db_close(p->d);
	assert_int_equal(client_db_remove("ada", false, &waiting, why), -1);
	assert_int_equal(waiting, 1);
	assert_non_null(strstr(why, "not sent"));
	assert_int_equal(client_db_remove("ada", true, &waiting, why), 0);
	assert_int_equal(waiting, 1);
	assert_int_not_equal(stat(p->path, &st), 0);
	assert_int_equal(client_db_remove("ada", false, &waiting, why), 1);
	p->d = NULL;
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(windows),
		TEST(a_page_ahead_of_the_stream),
		TEST(a_page_into_an_empty_window),
		TEST(a_new_beginning),
		TEST(marks),
		TEST(a_mark_that_the_server_is_to_be_told),
		TEST(conversations),
		TEST(the_list),
		TEST(what_is_sent),
		TEST(the_first_paint),
		TEST(removal),
	};
	return cmocka_run_group_tests_name("client_cache", tests, NULL, NULL);
}
