#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text/sanitise.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define ACUTE "\u0301"
#define ACUTES8 ACUTE ACUTE ACUTE ACUTE ACUTE ACUTE ACUTE ACUTE

/* Shows a copy of exactly n bytes, so that a read beyond them is seen under ASan. */
static void shows(const char *text, size_t n, enum sanitise_mode mode, const char *expected)
{
	char *copy = malloc(n ? n : 1);
	struct buf b;

	assert_non_null(copy);
	memcpy(copy, text, n);
	buf_init(&b, 100000);
	assert_int_equal(sanitise(&b, (struct str){copy, n}, mode), 0);
	assert_int_equal(buf_addc(&b, 0), 0);
	assert_string_equal(b.data, expected);
	buf_release(&b);
	free(copy);
}

static void both(const char *text, const char *expected)
{
	shows(text, strlen(text), SANITISE_LINE, expected);
	shows(text, strlen(text), SANITISE_TEXT, expected);
}

static void unchanged(const char *text)
{
	both(text, text);
}

static void test_passes(void **state)
{
	(void)state;
	unchanged("");
	unchanged("plain ASCII, all of it: !\"#$%&'()*+,-./0:;<=>?@[\\]^_`{|}~");
	unchanged("Gr\u00fc\u00dfe \u4f60\u597d \u0633\u0644\u0627\u0645 \u05e9\u05dc\u05d5\u05dd "
		  "\u0939\u093f\u0928\u094d");
	unchanged("\u00a0\ufffd\U0001f600\U0010fffd");
	/* A family, a flag, a heart in colour; Persian with its non-joiner. */
	unchanged("\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \u2764\ufe0f");
	unchanged("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645");
}

static void test_controls(void **state)
{
	char text[2] = "", expected[8];

	(void)state;
	for (int c = 0; c < 0x80; c++) {
		if (c >= 0x20 && c < 0x7f)
			continue;
		const char *word = c == '\n' ? "\\n" : c == '\t' ? "\\t" : c == '\r' ? "\\r" : NULL;
		*text = (char)c;
		snprintf(expected, sizeof expected, "\\x%02x", (unsigned)c);
		shows(text, 1, SANITISE_LINE, word ? word : expected);
		shows(text, 1, SANITISE_TEXT, c == '\n' || c == '\t' ? text : word ? word : expected);
	}
	shows("a\0b", 3, SANITISE_LINE, "a\\x00b");
	both("\x1b[31mred\x1b]0;title\x07", "\\x1b[31mred\\x1b]0;title\\x07");
	for (unsigned c = 0x80; c < 0xa0; c++) {
		char c1[3] = {(char)0xc2, (char)c, 0};
		snprintf(expected, sizeof expected, "\\u%04x", c);
		both(c1, expected);
	}
}

static void test_line_ends(void **state)
{
	(void)state;
	shows("a\r\nb", 4, SANITISE_TEXT, "a\nb");
	shows("a\rb\r", 4, SANITISE_TEXT, "a\\rb\\r");
	shows("a\r\r\nb", 5, SANITISE_TEXT, "a\\r\nb");
	shows("a\r\nb\tc", 6, SANITISE_LINE, "a\\r\\nb\\tc");
	both("a\u2028b\u2029c", "a\\u2028b\\u2029c");
}

static void test_hidden(void **state)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{"\u00ad", "\\u00ad"},
		{"\u061c", "\\u061c"},
		{"\u180e", "\\u180e"},
		{"\u200b", "\\u200b"},
		{"\u200e", "\\u200e"},
		{"\u200f", "\\u200f"},
		{"\u202a", "\\u202a"},
		{"\u202b", "\\u202b"},
		{"\u202c", "\\u202c"},
		{"\u202d", "\\u202d"},
		{"abc\u202egpj.exe", "abc\\u202egpj.exe"},
		{"\u2060", "\\u2060"},
		{"\u2066", "\\u2066"},
		{"\u2067", "\\u2067"},
		{"\u2068", "\\u2068"},
		{"\u2069", "\\u2069"},
		{"\ufeff", "\\ufeff"},
		{"\ufff9", "\\ufff9"},
		{"\U000e0041", "\\Ue0041"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		both(rows[i].text, rows[i].expected);
	/* Their neighbours are seen. */
	unchanged("\u00ac\u00ae\u061b\u2010\u2027\u202f\u2030\u205f\u2070\ufffc");
}

/* Each byte that is part of no sequence is shown for itself, and what follows is read afresh. */
static void test_invalid(void **state)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{"\x80", "\\x80"},
		{"\xff\xfe", "\\xff\\xfe"},
		{"\xc3", "\\xc3"},
		{"\xc3(", "\\xc3("},
		{"\xc0\xaf", "\\xc0\\xaf"},
		{"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"},
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
		{"\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80"},
		{"\xe2\x80", "\\xe2\\x80"},
		{"\xe2\x80\x1b", "\\xe2\\x80\\x1b"},
		{"\xf0\x9f\x98", "\\xf0\\x9f\\x98"},
		{"\x9b"
		 "31m",
			"\\x9b31m"},
		{"\xc3\xc3\xbc", "\\xc3\u00fc"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		both(rows[i].text, rows[i].expected);
}

static void test_combining(void **state)
{
	(void)state;
	unchanged("e" ACUTE "x" ACUTES8 "y" ACUTES8);
	both("x" ACUTES8 ACUTE, "x" ACUTES8);
	both("x" ACUTES8 ACUTES8 ACUTES8 "y" ACUTE, "x" ACUTES8 "y" ACUTE);
	both(ACUTES8 ACUTE "a", ACUTES8 "a");
	/* What takes no room does not start a new pile. */
	both("x" ACUTES8 "\u200d" ACUTES8, "x" ACUTES8);
	both("x" ACUTES8 "\u200c" ACUTE "\ufe0f" ACUTE "\U000e0100" ACUTE "\u034f" ACUTE "y", "x" ACUTES8 "y");
	both("\u0e2a\u0e47\u0e47\u0e47\u0e47\u0e47\u0e47\u0e47\u0e47\u0e47\u0e47",
		"\u0e2a\u0e47\u0e47\u0e47\u0e47\u0e47\u0e47\u0e47\u0e47");
}

static void test_full(void **state)
{
	struct buf b;

	(void)state;
	for (size_t max = 0; max < 7; max++) {
		buf_init(&b, max);
		assert_int_equal(sanitise(&b, STR("abc\x1b"), SANITISE_LINE), -1);
		assert_true(b.failed && b.len <= max);
		buf_release(&b);
	}
	buf_init(&b, 7);
	assert_int_equal(sanitise(&b, STR("abc\x1b"), SANITISE_LINE), 0);
	assert_int_equal(b.len, 7);
	buf_release(&b);
}

static void test_appends(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(buf_adds(&b, "<"), 0);
	assert_int_equal(sanitise(&b, STR("a"), SANITISE_LINE), 0);
	assert_int_equal(sanitise(&b, STR("\x07"), SANITISE_LINE), 0);
	assert_true(str_is(buf_str(&b), "<a\\x07"));
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passes),
		cmocka_unit_test(test_controls),
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_combining),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_appends),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("sanitise", tests, NULL, NULL);
}
