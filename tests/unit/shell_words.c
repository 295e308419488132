/* A line of chatctl shell to words. */
#include "cli/shell.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
/* Behind these, which it needs. */
#include <cmocka.h>

/* The words with a | behind each, or the result that is not WORDS_OK. */
static const char *split(const char *line)
{
	static char out[256];
	char text[64], special;
	const char *words[8];
	int n;
	enum words_result rc = shell_words(line, text, sizeof text, words, 8, &n, &special);

	out[0] = 0;
	for (int i = 0; i < n; i++) {
		strcat(out, words[i]);
		strcat(out, "|");
	}
	if (rc == WORDS_SPECIAL)
		snprintf(out, sizeof out, "special %c", special);
	else if (rc != WORDS_OK)
		snprintf(out, sizeof out, "%s", rc == WORDS_OPEN ? "open" : "many");
	return out;
}

static void test_words(void **state)
{
	static const struct {
		const char *line, *words;
	} rows[] = {
		{"", ""},
		{"  \t\n ", ""},
		{"a bc\td\ne", "a|bc|d|e|"},
		{"'a b' \"c d\"e'f'", "a b|c def|"},
		{"'' \"\"", "||"},
		{"'a\\n\"' \"\\\"\\\\\\n'\"", "a\\n\"|\"\\\\n'|"},
		{"a\\ b \\'\\|\\#", "a b|'|#|"},
		{"a#b #c d", "a#b|"},
		{"# nothing\nx", "x|"},
		{"$HOME ~ * `x`", "$HOME|~|*|`x`|"},
		{"a\\\nb \\\n c", "ab|c|"},
		{"'a\nb'", "a\nb|"},
		{"caf\xc3\xa9", "caf\xc3\xa9|"},
		{"'a", "open"},
		{"\"a", "open"},
		{"\"a\\\"", "open"},
		{"a\\", "open"},
		{"a | b", "special |"},
		{"a>b", "special >"},
		{"a;", "special ;"},
		{"a &", "special &"},
		{"<a", "special <"},
		{"'a|b' \"c;d\" e\\&", "a|b|c;d|e&|"},
		{"1 2 3 4 5 6 7 8", "1|2|3|4|5|6|7|8|"},
		{"1 2 3 4 5 6 7 8 9", "many"},
		{"0123456789012345678901234567890123456789012345678901234567890123", "many"},
		{"012345678901234567890123456789012345678901234567890123456789012",
			"012345678901234567890123456789012345678901234567890123456789012|"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(split(rows[i].line), rows[i].words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_words)};
	return cmocka_run_group_tests_name("shell_words", tests, NULL, NULL);
}
