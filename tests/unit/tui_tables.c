#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tui/commands.h"
#include "tui/fuzzy.h"
#include "tui/keys.h"
#include "tui/layout.h"
#include "tui/theme.h"
#include <cmocka.h>
#include <stdio.h>

static void test_key_names(void **state)
{
	static const char *const same[] = {"Ctrl+A", "Alt+Enter", "PgUp", "F12", "Ctrl+X Ctrl+E", "?", "Alt+1", "Alt+A",
		"Shift+Tab", "Ctrl+_", "Backspace", "Alt+Backspace", "Esc", "Alt+<"};
	static const char *const wrong[] = {"", "F0", "F13", "Ctrl+", "Ctrl+1", "Alt+", "word", "Ctrl+X ", "\x1b"};
	char name[KEY_NAME_MAX];
	struct key k;

	(void)state;
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		assert_int_equal(key_parse(same[i], &k), 0);
		press_name(k, name);
		assert_string_equal(name, same[i]);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(key_parse(wrong[i], &k), -1);
	assert_int_equal(key_parse("C-a", &k), 0);
	assert_int_equal(k.code, 1);
	assert_int_equal(key_parse("m-b", &k), -1);
	assert_int_equal(key_parse("M-b", &k), 0);
	assert_true(k.alt && k.code == 'b');
	assert_int_equal(key_parse("pgdn", &k), 0);
	assert_int_equal(k.code, PRESS_PGDN);
}

static void test_bindings(void **state)
{
	struct keymap m;
	struct key k;
	char keys[128];

	(void)state;
	keymap_init(&m);
	/* Every action can be reached, and every key of the tables means one thing. */
	for (int a = 0; a < ACTION_COUNT; a++) {
		assert_int_equal(action_find(action_name(a)), a);
		if (a != ACTION_NOTHING && a != ACTION_EDIT + EDIT_CUT_RIGHT && a != ACTION_EDIT + EDIT_CUT_LINE &&
			a != ACTION_EDIT + EDIT_CLEAR)
			assert_true(keymap_keys(&m, a, 9, keys) > 0);
	}
	keymap_keys(&m, ACTION_NEXT_CHAT, 9, keys);
	assert_string_equal(keys, "Ctrl+N, Alt+Down");
	key_parse("Ctrl+N", &k);
	assert_int_equal(keymap_find(&m, k), ACTION_NEXT_CHAT);
	keymap_bind(&m, k, ACTION_SEARCH);
	assert_int_equal(keymap_find(&m, k), ACTION_SEARCH);
	keymap_keys(&m, ACTION_NEXT_CHAT, 9, keys);
	assert_string_equal(keys, "Alt+Down");
	assert_int_equal(keymap_find(&m, (struct key){.code = 'A', .alt = true}), ACTION_NEXT_UNREAD);
	assert_int_equal(keymap_find(&m, (struct key){.code = 'a'}), ACTION_NONE);
	k = (struct key){.code = 0x4e00};
	while (keymap_bind(&m, k, ACTION_HELP) == 0)
		k.code++;
	assert_int_equal(m.n, BINDINGS_MAX);
}

static void parses(const char *text, enum line_kind kind, const char *shown)
{
	struct line l;
	char s[256] = "";

	line_parse(str_of(text), &l);
	assert_int_equal(l.kind, kind);
	if (kind == LINE_TEXT)
		snprintf(s, sizeof s, "%.*s", (int)l.text.n, l.text.p);
	if (kind == LINE_COMMAND) {
		snprintf(s, sizeof s, "%s", commands[l.id].name);
		for (unsigned i = 0; i < l.n; i++)
			snprintf(s + strlen(s), sizeof s - strlen(s), "|%.*s", (int)l.word[i].n, l.word[i].p);
	}
	if (kind == LINE_WRONG)
		assert_non_null(strstr(l.why, shown));
	else
		assert_string_equal(s, shown);
}

static void test_lines(void **state)
{
	(void)state;
	parses("", LINE_EMPTY, "");
	parses(" \n ", LINE_EMPTY, "");
	parses(" hello\nyou ", LINE_TEXT, "hello\nyou");
	parses("//bin is full", LINE_TEXT, "/bin is full");
	parses("/bin/sh", LINE_WRONG, "no command /bin/sh");
	parses("/", LINE_WRONG, "no command");
	parses("/msg", LINE_WRONG, "Usage: /msg USER [TEXT]");
	parses("/quit now", LINE_WRONG, "Usage: /quit");
	parses("/msg bob", LINE_COMMAND, "msg|bob");
	parses("/msg bob  two  words\nmore", LINE_COMMAND, "msg|bob|two  words\nmore");
	parses("/search", LINE_COMMAND, "search");
	parses("/search a b", LINE_COMMAND, "search|a b");
	parses("/contact alias bob Bob Ek", LINE_COMMAND, "contact|alias|bob|Bob Ek");
}

static const char *word(void *ctx, enum word_kind k, struct str earlier, unsigned i)
{
	static const char *const users[] = {"bob", "bo.b", "carla"};

	(void)ctx;
	(void)earlier;
	return k == WORD_USER && i < 3 ? users[i] : NULL;
}

static void test_completion(void **state)
{
	struct completion c;

	(void)state;
	line_complete(STR("/se"), word, NULL, &c);
	assert_int_equal(c.n, 2);
	assert_string_equal(c.common, "se");
	assert_int_equal(c.start, 1);
	line_complete(STR("/sea"), word, NULL, &c);
	assert_int_equal(c.n, 1);
	assert_string_equal(c.common, "search");
	line_complete(STR("/msg b"), word, NULL, &c);
	assert_int_equal(c.n, 2);
	assert_string_equal(c.common, "bo");
	assert_int_equal(c.start, 5);
	line_complete(STR("/msg "), word, NULL, &c);
	assert_int_equal(c.n, 3);
	line_complete(STR("/msg bob te"), word, NULL, &c);
	assert_int_equal(c.n, 0);
	line_complete(STR("hello"), word, NULL, &c);
	assert_int_equal(c.n, 0);
}

static void test_fuzzy(void **state)
{
	(void)state;
	assert_int_equal(fuzzy_score(STR("x"), STR("bob")), -1);
	assert_int_equal(fuzzy_score(STR("bb"), STR("bob")) > 0, 1);
	assert_int_equal(fuzzy_score(STR("obb"), STR("bob")), -1);
	assert_true(fuzzy_score(STR("bo"), STR("bob")) > fuzzy_score(STR("bo"), STR("jacob o")));
	assert_true(fuzzy_score(STR("ek"), STR("Bob Ek")) > fuzzy_score(STR("ek"), STR("geek")));
	assert_true(fuzzy_score(STR("BOB"), STR("bob")) > fuzzy_score(STR("bob"), STR("bobby")));
	assert_int_equal(fuzzy_score(STR(""), STR("bob")), 0);
}

/* Whatever the size: nothing overlaps, nothing is outside. */
static void test_layout(void **state)
{
	(void)state;
	for (int rows = 1; rows < 70; rows++)
		for (int cols = 1; cols < 200; cols += 3) {
			struct layout l = layout_of(rows, cols, 1 + rows % 30, cols % 2);
			if (!l.fits)
				continue;
			assert_int_equal(l.header.rows + l.title.rows + l.history.rows + l.rule.rows + l.composer.rows +
						 l.footer.rows,
				rows);
			assert_true(l.history.rows >= 1 && l.composer.rows >= 1 && l.history.cols >= 20);
			assert_int_equal(l.history.col + l.history.cols, cols);
			assert_int_equal(l.composer.row + l.composer.rows, l.footer.row);
		}
	struct layout l = layout_of(10, 40, 1, true);
	assert_true(l.fits && l.divider < 0 && l.list.rows == 0 && l.history.rows == 5);
	l = layout_of(24, 80, 1, true);
	assert_true(l.divider == 20 && l.history.rows == 19 && l.list.rows == 20);
	assert_false(layout_of(5, 80, 1, true).fits);
	assert_true(layout_of(100000, 100000, 1, true).cols == LAYOUT_COLS_MAX);
}

static void test_theme(void **state)
{
	(void)state;
	assert_non_null(theme_find("dark"));
	assert_null(theme_find("pink"));
	for (int set = 0; set < GLYPH_SETS; set++)
		for (int g = 0; g < GLYPH_COUNT; g++) {
			assert_non_null(glyph_sets[set].glyph[g]);
			for (const char *p = glyph_sets[set].glyph[g]; set == 1 && *p; p++)
				assert_true(*p > ' ' && *p < 127);
		}
	/* No glyph of the two that say most may be told by its colour alone. */
	assert_string_not_equal(glyphs_find("ascii")->glyph[GLYPH_READ], glyphs_find("ascii")->glyph[GLYPH_DELIVERED]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_names),
		cmocka_unit_test(test_bindings),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_completion),
		cmocka_unit_test(test_fuzzy),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_theme),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
