#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "tui/draw.h"
#include "tui/lines.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Tue 24 Nov 2026, 14:07 UTC */
#define NOW "2026-11-24T14:07:00.000Z"

static void put_chat(struct model *m, const char *user, unsigned unread, const char *at)
{
	struct client_chat c = {.unread = unread};

	snprintf(c.with, sizeof c.with, "%s", user);
	snprintf(c.last_at, sizeof c.last_at, "%s", at);
	assert_int_equal(model_chats_put(m, &c), 0);
}

static void line(struct model *m, int64_t place, const char *body, const char *at, enum line_state state)
{
	char id[16];
	bool mine = state != LINE_RECEIVED;

	snprintf(id, sizeof id, "id%d", (int)place);
	struct chat_line l = {.m = {.id = id,
				      .from = mine ? "alice" : "bob",
				      .to = mine ? "bob" : "alice",
				      .kind = "text",
				      .body = body,
				      .sent_at = at},
		.place = place,
		.state = state};
	assert_int_equal(model_window_line(m, &l), 0);
}

static void entry(struct model *m, const char *id, const char *body, enum entry_state state, const char *why)
{
	struct outbox_entry e = {.body = body, .state = state, .created_ms = m->now_ms};

	snprintf(e.client_id, sizeof e.client_id, "%s", id);
	snprintf(e.error, sizeof e.error, "%s", why);
	assert_int_equal(model_window_entry(m, &e, false), 0);
}

static void begin(struct model *m)
{
	setenv("TZ", "UTC", 1);
	tzset();
	model_init(m);
	snprintf(m->user, sizeof m->user, "alice");
	snprintf(m->host, sizeof m->host, "chat.example");
	assert_int_equal(clock_parse(NOW, strlen(NOW), &m->now_ms), 0);
	m->link = LINK_ONLINE;
	m->rtt_ms = 12;
	model_chats_begin(m);
	put_chat(m, "bob", 0, "2026-11-24T14:07:00.000Z");
	put_chat(m, "carla", 2, "2026-11-24T14:01:00.000Z");
	put_chat(m, "mum", 0, "2026-11-21T09:00:00.000Z");
	model_chats_end(m);
	model_choose(m, model_find(m, "bob"));
	struct window_place at;
	model_window_begin(m, &at);
	line(m, 4, "got it", "2026-11-24T14:05:00.000Z", LINE_RECEIVED);
	line(m, 2, "yes, bring the adapter", "2026-11-23T13:53:00.000Z", LINE_DELIVERED);
	line(m, 1, "are we on for 5?", "2026-11-23T13:52:00.000Z", LINE_RECEIVED);
	model_window_turn(m);
	entry(m, "c1", "np", ENTRY_WAITING, "");
	m->window.divider = 4;
	model_window_end(m, &at);
}

static void shows(struct model *m, int rows, int cols, const char *const *expected)
{
	struct grid g = {0};
	struct buf b;

	buf_init(&b, 10000);
	assert_int_equal(draw(m, &g, rows, cols), 0);
	for (int i = 0; i < rows; i++) {
		buf_reset(&b);
		assert_int_equal(grid_text(&g, i, &b), 0);
		buf_addc(&b, 0);
		assert_string_equal(b.data, expected[i]);
	}
	buf_release(&b);
	grid_release(&g);
}

static void test_wide(void **state)
{
	struct model m;
	static const char *const expected[] = {
		" alice@chat.example  ● online 12ms                    2 unread in 1 chat  14:07",
		" CHATS              │ bob",
		">bob           14:07│─────────────────────── Mon 23 Nov ────────────────────────",
		" carla       2 14:01│13:52 bob are we on for 5?",
		" mum             Sat│13:53 you yes, bring the adapter                 ✓✓",
		"                    │─────────────────────── Tue 24 Nov ────────────────────────",
		"                    │══════════════════════════ 1 new ══════════════════════════",
		"                    │14:05 bob got it",
		"                    │14:07 you np                                     ◌ queued",
		"                    │",
		"────────────────────┴───────────────────────────────────────────────────────────",
		" bob> see you",
		" Enter send  Ctrl+K chats  Alt+A next unread  Alt+Enter newline  ? help",
	};
	(void)state;
	begin(&m);
	edit_insert(m.chat->edit, STR("see you"), true);
	shows(&m, 13, 80, expected);
	model_release(&m);
}

static void test_narrow_ascii(void **state)
{
	struct model m;
	static const char *const expected[] = {
		" alice  * online 12ms            2 new",
		" bob",
		"13:53 you yes, bring the adapter     ++",
		"-------------- Tue 24 Nov --------------",
		"================ 1 new =================",
		"14:05 bob got it",
		"14:07 you np                         ~",
		"----------------------------------------",
		" bob>",
		" Enter send  Ctrl+K chats  ? help",
	};
	(void)state;
	begin(&m);
	m.glyphs = glyphs_find("ascii");
	shows(&m, 10, 40, expected);
	model_release(&m);
}

/* Whatever a peer wrote: it stays in its place, and nothing of it acts. */
static void test_hostile(void **state)
{
	struct model m;
	struct window_place at;
	struct grid g = {0};

	(void)state;
	begin(&m);
	model_window_begin(&m, &at);
	line(&m, 1,
		"\x1b]0;title\x07\x1b["
		"2Jx\u202ey\xff\u200b\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301",
		NOW, LINE_RECEIVED);
	model_window_end(&m, &at);
	snprintf(m.chat->alias, sizeof m.chat->alias, "\x1b[31mred\nline");
	m.now_ms++;
	for (int rows = 1; rows < 30; rows += 3)
		for (int cols = 1; cols < 100; cols += 7) {
			assert_int_equal(draw(&m, &g, rows, cols), 0);
			for (int i = 0; i < g.rows * g.cols; i++)
				for (const char *p = g.cells[i].text; *p; p++)
					assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
		}
	grid_release(&g);
	model_release(&m);
}

/* Every state by its sign and, where there is room, by its word. */
static void test_states(void **state)
{
	static const char *const words[] = {"queued", "sending", "sent", "delivered", "read", "failed"};
	static const char *const ascii[] = {"~", ".", "+", "++", "+R", "!"};

	(void)state;
	for (int s = STATE_QUEUED; s <= STATE_FAILED; s++) {
		assert_string_equal(state_word((enum state)s), words[s - STATE_QUEUED]);
		assert_string_equal(glyphs_find("ascii")->glyph[state_glyph((enum state)s)], ascii[s - STATE_QUEUED]);
	}
}

static void fill(struct model *m, unsigned n)
{
	struct window_place at;
	char text[64];

	model_window_begin(m, &at);
	for (unsigned i = n; i > 0; i--) {
		snprintf(text, sizeof text, "message %u", i);
		line(m, i, text, NOW, LINE_RECEIVED);
	}
	model_window_turn(m);
	model_window_end(m, &at);
}

static bool sees(struct model *m, int rows, int cols, const char *text)
{
	struct grid g = {0};
	struct buf b;
	bool found = false;

	buf_init(&b, 10000);
	assert_int_equal(draw(m, &g, rows, cols), 0);
	for (int i = 0; i < rows; i++) {
		buf_reset(&b);
		grid_text(&g, i, &b);
		buf_addc(&b, 0);
		size_t n = strlen(b.data), k = strlen(text);
		found = found || (n >= k && strcmp(b.data + n - k, text) == 0);
	}
	buf_release(&b);
	grid_release(&g);
	return found;
}

static void test_scroll(void **state)
{
	struct model m;

	(void)state;
	begin(&m);
	m.window.divider = 0;
	fill(&m, 50);
	struct rect r = draw_layout(&m, 24, 80).history;
	assert_true(sees(&m, 24, 80, "message 50"));
	assert_int_equal(lines_scroll(&m, r, 10), 0);
	assert_true(sees(&m, 24, 80, "message 40") && !sees(&m, 24, 80, "message 41"));
	/* What comes does not move what is being read; another size keeps the bottom. */
	fill(&m, 60);
	assert_true(sees(&m, 24, 80, "message 40") && !sees(&m, 24, 80, "message 41"));
	assert_true(sees(&m, 12, 40, "message 40") && !sees(&m, 12, 40, "message 41"));
	assert_int_equal(lines_below(&m), 20);
	assert_true(lines_scroll(&m, r, 1000) > 0);
	assert_true(sees(&m, 24, 80, "message 1"));
	assert_true(lines_scroll(&m, r, -1000) > 0);
	assert_true(m.window.follow && sees(&m, 24, 80, "message 60"));
	lines_show(&m, r, 29);
	assert_true(sees(&m, 24, 80, "message 30") && !sees(&m, 24, 80, "message 29"));
	assert_int_equal(lines_at(&m, r, r.row), 29);
	model_release(&m);
}

static void test_lists(void **state)
{
	struct model m;
	unsigned chats;

	(void)state;
	begin(&m);
	assert_int_equal(model_unread(&m, &chats), 2);
	assert_int_equal(chats, 1);
	assert_string_equal(model_next_unread(&m)->user, "carla");
	/* Gone from the list: but for the chosen one, and for those with something written. */
	model_choose(&m, model_find(&m, "mum"));
	edit_insert(m.chat->edit, STR("not sent"), true);
	model_choose(&m, model_find(&m, "bob"));
	model_chats_begin(&m);
	put_chat(&m, "dan", 0, NOW);
	model_chats_end(&m);
	assert_int_equal(m.n_chats, 3);
	assert_null(model_find(&m, "carla"));
	assert_string_equal(m.chats[0]->user, "dan");
	panel_open(&m.panel, PANEL_SWITCHER, "Chats", true);
	edit_insert(&m.panel.edit, STR("eve"), true);
	panel_switcher(&m.panel, &m);
	assert_int_equal(m.panel.n, 1);
	assert_string_equal(m.panel.rows[0].left, "Begin a chat with eve");
	panel_open(&m.panel, PANEL_HELP, "Help", false);
	panel_help(&m.panel, &m);
	assert_true(m.panel.n > 60);
	model_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_narrow_ascii),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_scroll),
		cmocka_unit_test(test_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
