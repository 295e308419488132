#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include <cmocka.h>
#include <stdlib.h>

static void holds(const struct buf *b, const char *text)
{
	assert_false(b->failed);
	assert_int_equal(b->len, strlen(text));
	assert_true(b->len == 0 || memcmp(b->data, text, b->len) == 0);
}

static void test_pieces(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	holds(&b, "");
	assert_null(b.data);
	assert_int_equal(buf_add(&b, "", 0), 0);
	assert_int_equal(buf_add(&b, NULL, 0), 0);
	assert_null(b.data);
	assert_int_equal(buf_adds(&b, "one "), 0);
	assert_int_equal(buf_addc(&b, 'x'), 0);
	assert_int_equal(buf_addstr(&b, STR(" two ")), 0);
	assert_int_equal(buf_addf(&b, "%s=%d ", "three", -3), 0);
	assert_int_equal(buf_add(&b, "4444", 2), 0);
	holds(&b, "one x two three=-3 44");
	assert_true(str_is(buf_str(&b), "one x two three=-3 44"));
	buf_release(&b);
	holds(&b, "");
	assert_null(b.data);
	assert_int_equal(b.max, 100);
	assert_int_equal(buf_adds(&b, "again"), 0);
	holds(&b, "again");
	buf_release(&b);
}

static void test_numbers(void **state)
{
	static const struct {
		uint64_t v;
		const char *text;
	} rows[] = {{0, "0"}, {9, "9"}, {10, "10"}, {18446744073709551615u, "18446744073709551615"}};
	struct buf b;

	(void)state;
	buf_init(&b, 20);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_reset(&b);
		assert_int_equal(buf_addu(&b, rows[i].v), 0);
		holds(&b, rows[i].text);
	}
	buf_release(&b);
}

/* Exactly the maximum goes in; a byte more adds nothing, and nothing is taken from then on. */
static void test_maximum(void **state)
{
	static const char text[1000] = {'a', 'b', 'c'};
	struct buf b;

	(void)state;
	for (size_t max = 0; max < 600; max += 23) {
		buf_init(&b, max);
		assert_int_equal(buf_add(&b, text, max), 0);
		assert_int_equal(b.len, max);
		assert_true(b.cap <= max);
		assert_int_equal(buf_add(&b, text, 0), 0);
		assert_int_equal(buf_addc(&b, 'x'), -1);
		assert_true(b.failed);
		assert_int_equal(b.len, max);
		assert_int_equal(buf_add(&b, text, 0), -1);
		buf_reset(&b);
		holds(&b, "");
		assert_int_equal(buf_add(&b, text, max + 1), -1);
		assert_int_equal(b.len, 0);
		assert_int_equal(buf_addc(&b, 'x'), -1);
		assert_int_equal(buf_addf(&b, "%d", 1), -1);
		assert_null(buf_reserve(&b, 0));
		buf_release(&b);
	}
}

static void test_size_overflow(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(buf_adds(&b, "abc"), 0);
	assert_null(buf_reserve(&b, SIZE_MAX));
	assert_int_equal(b.len, 3);
	assert_true(b.failed);
	buf_release(&b);
}

static void test_reserve(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5000);
	for (size_t n = 1; b.len + n <= b.max; n *= 2) {
		char *to = buf_reserve(&b, n);
		assert_ptr_equal(to, b.data + b.len);
		assert_true(b.cap - b.len >= n);
		memset(to, 'r', n);
		b.len += n;
	}
	for (size_t i = 0; i < b.len; i++)
		assert_int_equal(b.data[i], 'r');
	buf_release(&b);
}

/* On both sides of the length up to which formatted text needs no second pass. */
static void test_long_format(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 2000);
	for (int width = 250; width < 262; width++) {
		buf_reset(&b);
		assert_int_equal(buf_addf(&b, "<%*d>", width, 7), 0);
		assert_int_equal(b.len, width + 2);
		assert_int_equal(b.data[0], '<');
		assert_memory_equal(b.data + width - 1, " 7>", 3);
	}
	assert_int_equal(buf_addf(&b, "%2000d", 7), -1);
	assert_true(b.failed);
	assert_int_equal(b.len, 263);
	buf_release(&b);
}

static void test_consume(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(buf_adds(&b, "abcdef"), 0);
	buf_consume(&b, 0);
	holds(&b, "abcdef");
	buf_consume(&b, 2);
	holds(&b, "cdef");
	buf_consume(&b, 4);
	holds(&b, "");
	assert_int_equal(buf_adds(&b, "g"), 0);
	holds(&b, "g");
	buf_release(&b);
}

static void test_str(void **state)
{
	(void)state;
	assert_true(str_eq((struct str){NULL, 0}, STR("")));
	assert_true(str_eq(STR("a\0b"), (struct str){"a\0b", 3}));
	assert_false(str_eq(STR("a\0b"), STR("a\0c")));
	assert_false(str_eq(STR("ab"), STR("abc")));
	assert_false(str_is(STR("ab\0"), "ab"));
	assert_true(str_is(STR(""), ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_maximum),
		cmocka_unit_test(test_size_overflow),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_long_format),
		cmocka_unit_test(test_consume),
		cmocka_unit_test(test_str),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
