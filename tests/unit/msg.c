#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"
#include <cmocka.h>

static const char lower[] = "abcdefghijklmnopqrstuvwxyz0123456789", upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

static bool among(const char *set, int c)
{
	return c != 0 && strchr(set, c) != NULL;
}

static void test_kinds(void **state)
{
	enum kind k;

	(void)state;
	assert_int_equal(kind_parse(STR("text"), &k), 0);
	assert_int_equal(k, KIND_TEXT);
	assert_int_equal(kind_parse(STR("ce2e.v1"), &k), 0);
	assert_int_equal(k, KIND_CE2E_V1);
	assert_int_equal(kind_parse(STR(""), &k), -1);
	assert_int_equal(kind_parse(STR("Text"), &k), -1);
	assert_int_equal(kind_parse(STR("text\0"), &k), -1);
	assert_int_equal(kind_parse(STR("tex"), &k), -1);
}

/* Each byte value in first and in a later place. */
static void test_alphabets(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		char first[2] = {(char)c, 'a'}, later[2] = {'a', (char)c};
		struct str f = {first, 2}, l = {later, 2};
		assert_int_equal(user_name_ok(f), among(lower, c));
		assert_int_equal(user_name_ok(l), among(lower, c) || among("._-", c));
		assert_int_equal(client_id_ok(f), among(lower, c) || among(upper, c) || among("._-", c));
		assert_int_equal(client_id_ok(l), client_id_ok(f));
		assert_int_equal(token_text_ok(f), among(lower, c) || among(upper, c) || among("_-", c));
		assert_int_equal(token_text_ok(l), token_text_ok(f));
	}
}

static void test_lengths(void **state)
{
	char text[80];

	(void)state;
	memset(text, 'a', sizeof text);
	for (size_t n = 0; n <= sizeof text; n++) {
		struct str s = {text, n};
		assert_int_equal(user_name_ok(s), n >= 2 && n <= 32);
		assert_int_equal(client_id_ok(s), n >= 1 && n <= 64);
		assert_int_equal(token_text_ok(s), n >= 1 && n <= 64);
	}
}

static void test_last_byte(void **state)
{
	char text[64];

	(void)state;
	memset(text, 'a', sizeof text);
	text[63] = '/';
	assert_false(client_id_ok((struct str){text, 64}));
	assert_true(client_id_ok((struct str){text, 63}));
	assert_false(token_text_ok((struct str){text, 64}));
	text[31] = 'A';
	assert_false(user_name_ok((struct str){text, 32}));
	assert_true(user_name_ok((struct str){text, 31}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_alphabets),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_last_byte),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("msg", tests, NULL, NULL);
}
