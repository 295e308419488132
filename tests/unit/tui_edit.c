#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tui/edit.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

/* The text with a | where the cursor is. */
static void has(const struct edit *e, const char *expected)
{
	char shown[512];
	struct str t = edit_text(e);

	snprintf(shown, sizeof shown, "%.*s|%.*s", (int)e->at, t.p ? t.p : "", (int)(t.n - e->at),
		t.p ? t.p + e->at : "");
	assert_string_equal(shown, expected);
}

static void types(struct edit *e, const char *text)
{
	for (; *text; text++)
		assert_int_equal(edit_insert(e, (struct str){text, 1}, false), 0);
}

static void test_moves(void **state)
{
	struct edit e;

	(void)state;
	edit_init(&e);
	has(&e, "|");
	for (int op = 0; op < EDIT_COUNT; op++)
		assert_int_equal(edit_do(&e, op), -1);
	types(&e, "one two.three");
	edit_do(&e, EDIT_WORD_LEFT);
	has(&e, "one two.|three");
	edit_do(&e, EDIT_WORD_LEFT);
	has(&e, "one |two.three");
	edit_do(&e, EDIT_HOME);
	edit_do(&e, EDIT_WORD_RIGHT);
	has(&e, "one| two.three");
	edit_do(&e, EDIT_END);
	edit_do(&e, EDIT_LEFT);
	edit_do(&e, EDIT_BACKSPACE);
	has(&e, "one two.thr|e");
	edit_do(&e, EDIT_DELETE);
	has(&e, "one two.thr|");
	assert_int_equal(edit_do(&e, EDIT_RIGHT), -1);
	edit_release(&e);
}

static void test_clusters(void **state)
{
	struct edit e;

	(void)state;
	edit_init(&e);
	edit_insert(&e, STR("a\U0001f468\u200d\U0001f469\u200d\U0001f467e\u0301"), true);
	edit_do(&e, EDIT_LEFT);
	edit_do(&e, EDIT_LEFT);
	has(&e, "a|\U0001f468\u200d\U0001f469\u200d\U0001f467e\u0301");
	edit_do(&e, EDIT_DELETE);
	has(&e, "a|e\u0301");
	edit_do(&e, EDIT_END);
	edit_do(&e, EDIT_BACKSPACE);
	has(&e, "a|");
	edit_release(&e);
}

static void test_cut_and_yank(void **state)
{
	struct edit e;

	(void)state;
	edit_init(&e);
	types(&e, "see /usr/bin/x now");
	edit_do(&e, EDIT_WORD_LEFT);
	edit_do(&e, EDIT_CUT_WORD_LEFT);
	has(&e, "see |now");
	edit_do(&e, EDIT_END);
	edit_do(&e, EDIT_YANK);
	has(&e, "see now/usr/bin/x |");
	edit_do(&e, EDIT_CUT_LEFT);
	has(&e, "|");
	edit_do(&e, EDIT_YANK);
	edit_do(&e, EDIT_HOME);
	edit_do(&e, EDIT_CUT_WORD_RIGHT);
	has(&e, "| now/usr/bin/x ");
	edit_do(&e, EDIT_CUT_RIGHT);
	has(&e, "|");
	edit_release(&e);
}

static void test_undo(void **state)
{
	struct edit e;

	(void)state;
	edit_init(&e);
	types(&e, "first second");
	edit_do(&e, EDIT_UNDO);
	has(&e, "first|");
	edit_do(&e, EDIT_UNDO);
	has(&e, "|");
	assert_int_equal(edit_do(&e, EDIT_UNDO), -1);
	edit_do(&e, EDIT_REDO);
	edit_do(&e, EDIT_REDO);
	has(&e, "first second|");
	edit_do(&e, EDIT_CLEAR);
	has(&e, "|");
	edit_do(&e, EDIT_UNDO);
	has(&e, "first second|");
	for (int i = 0; i < 3 * EDIT_UNDO_MAX; i++) {
		edit_do(&e, EDIT_LEFT);
		types(&e, "x");
	}
	for (int i = 0; i < EDIT_UNDO_MAX; i++)
		assert_int_equal(edit_do(&e, EDIT_UNDO), 0);
	assert_int_equal(edit_do(&e, EDIT_UNDO), -1);
	edit_release(&e);
}

static void test_lines_and_history(void **state)
{
	struct edit e;

	(void)state;
	edit_init(&e);
	types(&e, "sent");
	edit_sent(&e);
	has(&e, "|");
	types(&e, "longer\nb\nlast");
	assert_int_equal(edit_lines(&e), 3);
	edit_do(&e, EDIT_UP);
	has(&e, "longer\nb|\nlast");
	edit_do(&e, EDIT_UP);
	has(&e, "l|onger\nb\nlast");
	edit_do(&e, EDIT_UP);
	has(&e, "sent|");
	assert_int_equal(edit_do(&e, EDIT_UP), -1);
	edit_do(&e, EDIT_DOWN);
	has(&e, "longer\nb\nlast|");
	assert_int_equal(edit_do(&e, EDIT_DOWN), -1);
	for (int i = 0; i < 2 * EDIT_HISTORY_MAX; i++) {
		char text[16];
		snprintf(text, sizeof text, "%d", i);
		edit_set(&e, str_of(text));
		edit_sent(&e);
	}
	assert_int_equal(e.n_history, EDIT_HISTORY_MAX);
	edit_do(&e, EDIT_UP);
	has(&e, "199|");
	edit_release(&e);
}

/* What would act on a terminal, or is no text, does not get in. */
static void test_paste(void **state)
{
	struct edit e;
	struct buf big;

	(void)state;
	edit_init(&e);
	edit_insert(&e, STR("a\r\nb\rc\x1b[31m\x07\xff\tok\xc2\x9bz"), true);
	has(&e, "a\nb\nc[31m\ufffd\tokz|");
	edit_do(&e, EDIT_UNDO);
	has(&e, "|");
	buf_init(&big, 1 << 20);
	for (int i = 0; i < 2000; i++)
		buf_addf(&big, "line %d of what was pasted\n", i);
	assert_int_equal(edit_insert(&e, buf_str(&big), true), 0);
	assert_int_equal(edit_lines(&e), 2001);
	assert_int_equal(e.text.len, big.len);
	while (edit_insert(&e, buf_str(&big), true) == 0)
		;
	size_t full = e.text.len;
	assert_true(full <= EDIT_ROOM && full + big.len > EDIT_ROOM);
	types(&e, "still");
	assert_int_equal(e.text.len, full + 5);
	buf_release(&big);
	edit_release(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moves),
		cmocka_unit_test(test_clusters),
		cmocka_unit_test(test_cut_and_yank),
		cmocka_unit_test(test_undo),
		cmocka_unit_test(test_lines_and_history),
		cmocka_unit_test(test_paste),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
