#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text/width.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define FAMILY "\U0001f468\u200d\U0001f469\u200d\U0001f467"
#define THUMB "\U0001f44d\U0001f3fd"
#define FLAG "\U0001f1e9\U0001f1ea"

static void test_clusters(void **state)
{
	static const struct {
		const char *text;
		unsigned columns;
	} rows[] = {
		{"a", 1},
		{"e\u0301", 1},
		{"\u4f60", 2},
		{"\U0001f600", 2},
		{FAMILY, 6},
		{THUMB, 2},
		{FLAG, 2},
		{"\u2764\ufe0f", 1},
		{"\u0915\u093f", 2},
		{"\u1100\u1161\u11a8", 2},
		{"\xff", 1},
		{"\u0301", 1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		unsigned w;
		char *text;
		/* What follows must not be drawn in. */
		assert_true(asprintf(&text, "%sx", rows[i].text) > 0);
		assert_int_equal(width_cluster(str_of(text), &w), strlen(rows[i].text));
		assert_int_equal(w, rows[i].columns);
		assert_int_equal(width_back(str_of(text), strlen(text) - 1), 0);
		assert_int_equal(width_columns(str_of(text)), rows[i].columns + 1);
		free(text);
	}
	assert_int_equal(width_cluster(str_of(""), NULL), 0);
	assert_int_equal(width_back(STR("ab\n" FAMILY), 3 + strlen(FAMILY)), 3);
	assert_int_equal(width_back(STR("ab\n"), 3), 2);
}

static void pieces(const char *text, const char *expected)
{
	char all[256] = "";
	struct piece p;
	struct str s = str_of(text);

	for (size_t n; (n = width_piece(s, &p)); s.p += n, s.n -= n)
		snprintf(all + strlen(all), sizeof all - strlen(all), "%s%u|", p.text, p.columns);
	assert_string_equal(all, expected);
}

/* One character that takes room in each, nothing that would move a cursor or join what stands apart. */
static void test_pieces(void **state)
{
	(void)state;
	pieces("ab", "a1|b1|");
	pieces(FAMILY, "\U0001f4682|\U0001f4692|\U0001f4672|");
	pieces(THUMB, "\U0001f44d2|");
	pieces(FLAG, "\U0001f1e91|\U0001f1ea1|");
	pieces("\u2764\ufe0f", "\u27641|");
	pieces("e\u0301\u0302", "e\u0301\u03021|");
	pieces("a\t", "a1| 1|");
	pieces("\x1b[31m", "0|[1|31|11|m1|");
	pieces("\u202eabc", "0|a1|b1|c1|");
	pieces("\xc3(", "\ufffd1|(1|");
	pieces("x\u0301\u0301\u0301\u0301\u0301\u0301y", "x\u0301\u0301\u0301\u03011|y1|");
}

static void test_fit(void **state)
{
	unsigned used;

	(void)state;
	assert_int_equal(width_fit(STR("\u4f60\u597d"), 3, &used), 3);
	assert_int_equal(used, 2);
	assert_int_equal(width_fit(STR("abc"), 10, &used), 3);
	assert_int_equal(width_fit(STR("abc"), 0, &used), 0);
}

static void wraps(const char *text, unsigned columns, const char *expected)
{
	char all[512] = "";
	struct str s = str_of(text);
	bool more = true;

	while (more) {
		size_t next, n = width_wrap(s, columns, &next, &more);
		assert_true(width_columns((struct str){s.p, n}) <= columns);
		snprintf(all + strlen(all), sizeof all - strlen(all), "%.*s|", (int)n, s.p);
		assert_true(next > 0 || s.n == 0);
		s.p += next;
		s.n -= next;
	}
	assert_string_equal(all, expected);
}

static void test_wrap(void **state)
{
	(void)state;
	wraps("", 10, "|");
	wraps("short", 10, "short|");
	wraps("two words", 5, "two|words|");
	wraps("two words", 9, "two words|");
	wraps("two  words", 3, "two|wor|ds|");
	wraps("abcdefgh", 3, "abc|def|gh|");
	wraps("a\n\nb\n", 5, "a||b||");
	wraps("\u4f60\u597d\u4f60", 3, "\u4f60|\u597d|\u4f60|");
	wraps("ends here ", 9, "ends here|");
	wraps("  indented", 8, "  |indented|");
	wraps(FAMILY FAMILY, 7, FAMILY "|" FAMILY "|");
}

/* Whatever comes in, it ends and fits. */
static void test_any_bytes(void **state)
{
	unsigned seed = 4711;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		char text[64];
		struct str s = {text, (size_t)(seed % 64)};
		for (size_t k = 0; k < s.n; k++) {
			seed = seed * 1103515245 + 12345;
			text[k] = (char)(seed >> 16);
		}
		seed = seed * 1103515245 + 12345;
		bool more = true;
		for (int lines = 0; more; lines++) {
			size_t next, n = width_wrap(s, 7, &next, &more);
			assert_true(lines < 100 && next <= s.n && n <= next);
			assert_true(width_columns((struct str){s.p, n}) <= 7);
			s.p += next;
			s.n -= next;
		}
	}
}

static void test_words(void **state)
{
	struct str s = STR("\u00c4b");

	(void)state;
	assert_true(width_is_word(STR("a")) && width_is_word(STR("\u4f60")) && width_is_word(STR("9")));
	assert_false(width_is_word(STR(" ")) || width_is_word(STR(".")) || width_is_word(STR("")));
	assert_int_equal(width_fold(&s), 0xe4);
	assert_int_equal(width_fold(&s), 'b');
	assert_int_equal(width_fold(&s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clusters),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_fit),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
