/* The rules, and the strict query parser. */
#include "server/api/query.h"
#include "server/rules/mark.h"
#include "server/rules/send.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LIMIT = 100 };

static enum err check(struct send_request s, const char **field)
{
	struct refusal why = {0};
	enum kind kind;

	int rc = send_check(&s, LIMIT, &kind, &why);
	assert_int_equal(rc, why.err == ERR_OK ? 0 : -1);
	*field = why.field;
	return why.err;
}

static void test_send(void **state)
{
	static char text[LIMIT + 1];
	const char *field;
	struct refusal why;
	enum kind kind;

	(void)state;
	memset(text, 'x', sizeof text);
	struct send_request good = {
		.client_id = STR("a.b_c-9"), .kind = STR("ce2e.v1"), .body = STR("hi"), .recipient = 1};
	assert_int_equal(send_check(&good, LIMIT, &kind, &why), 0);
	assert_int_equal(kind, KIND_CE2E_V1);
	good.kind = good.client_id = (struct str){NULL, 0};
	good.body = (struct str){text, LIMIT};
	assert_int_equal(send_check(&good, LIMIT, &kind, &why), 0);
	assert_int_equal(kind, KIND_TEXT);

	struct send_request bad = good;
	bad.body.n = LIMIT + 1;
	assert_int_equal(send_check(&bad, LIMIT, &kind, &why), -1);
	assert_int_equal(why.err, ERR_TOO_LARGE);
	assert_int_equal(why.limit, LIMIT);
	bad.body.n = 0;
	assert_int_equal(check(bad, &field), ERR_BAD_FIELD);
	assert_string_equal(field, "body");
	bad = good;
	bad.client_id = STR("");
	assert_int_equal(check(bad, &field), ERR_BAD_FIELD);
	assert_string_equal(field, "client_id");
	bad.client_id = (struct str){text, CLIENT_ID_MAX + 1};
	assert_int_equal(check(bad, &field), ERR_BAD_FIELD);
	bad = good;
	bad.kind = STR("html");
	assert_int_equal(check(bad, &field), ERR_BAD_FIELD);
	assert_string_equal(field, "kind");
	bad = good;
	bad.recipient = 0;
	assert_int_equal(check(bad, &field), ERR_UNKNOWN_RECIPIENT);
}

static void test_mark(void **state)
{
	(void)state;
	assert_int_equal(mark_check(2, 1, 2), ERR_OK);
	assert_int_equal(mark_check(1, 1, 1), ERR_OK);
	assert_int_equal(mark_check(1, 1, 2), ERR_NOT_RECIPIENT);
	assert_int_equal(mark_check(3, 1, 2), ERR_NOT_FOUND);
	assert_true(message_visible(1, 1, 2));
	assert_false(message_visible(3, 1, 2));
}

static int read_query(const char *text, struct str v[2])
{
	static const char *const names[] = {"limit", "from"};
	static char copy[128];

	snprintf(copy, sizeof copy, "%s", text);
	return query_read(copy, names, v, 2);
}

static void test_query(void **state)
{
	struct str v[2];
	uint64_t n;

	(void)state;
	assert_int_equal(read_query("", v), 0);
	assert_null(v[0].p);
	assert_int_equal(read_query("limit=10&from=a%2Db&x=1&x=2&", v), 0);
	assert_true(str_is(v[0], "10"));
	assert_true(str_is(v[1], "a-b"));
	assert_int_equal(read_query("%6Cimit=7&from", v), 0);
	assert_true(str_is(v[0], "7"));
	assert_true(v[1].p && v[1].n == 0);
	assert_int_equal(read_query("limit=1&limit=1", v), -1);
	assert_int_equal(read_query("limit=%", v), -1);
	assert_int_equal(read_query("limit=%4", v), -1);
	assert_int_equal(read_query("limit=%zz", v), -1);
	assert_int_equal(query_uint(STR("500"), 1, 500, &n), 0);
	assert_int_equal(n, 500);
	assert_int_equal(query_uint(STR("501"), 1, 500, &n), -1);
	assert_int_equal(query_uint(STR("0"), 1, 500, &n), -1);
	assert_int_equal(query_uint(STR(""), 0, 500, &n), -1);
	assert_int_equal(query_uint(STR("-1"), 0, 500, &n), -1);
	assert_int_equal(query_uint(STR("1x"), 0, 500, &n), -1);
	assert_int_equal(query_uint(STR("99999999999999999999"), 0, 500, &n), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_send),
		cmocka_unit_test(test_mark),
		cmocka_unit_test(test_query),
	};
	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
