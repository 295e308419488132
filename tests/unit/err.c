#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include <cmocka.h>
#include <string.h>

/* What clients and scripts rely on: words in kebab case, each once, found again; statuses of HTTP; exit codes as documented. */
static void test_table(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ERR_COUNT; i++) {
		const char *code = err_code((enum err)i);
		assert_non_null(code);
		assert_true(code[0] >= 'a' && code[0] <= 'z');
		assert_int_equal(strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(code));
		assert_true(err_title((enum err)i)[0] != 0);
		assert_int_equal(err_from_code(code, strlen(code)), i);
		if (i == ERR_OK)
			continue;
		assert_in_range(err_status((enum err)i), 400, 599);
		assert_in_range(err_exit((enum err)i), 1, 6);
	}
	assert_int_equal(err_status(ERR_OK), 200);
	assert_int_equal(err_exit(ERR_OK), 0);
}

static void test_unknown(void **state)
{
	static const char *const words[] = {"", "ok ", "o", "Bad-json", "bad-jso", "bad-jsonx", "no-such-code"};

	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		assert_int_equal(err_from_code(words[i], strlen(words[i])), ERR_COUNT);
	assert_int_equal(err_from_code("bad-json and more", 8), ERR_BAD_JSON);
}

static void test_contract(void **state)
{
	static const struct {
		const char *code;
		int status;
	} rows[] = {{"unknown-recipient", 404}, {"blocked", 403}, {"client-id-reused", 409}, {"not-recipient", 403},
		{"bad-cursor", 400}, {"user-taken", 409}, {"wrong-password", 403}, {"insufficient-storage", 507},
		{"draining", 503}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		enum err e = err_from_code(rows[i].code, strlen(rows[i].code));
		assert_int_not_equal(e, ERR_COUNT);
		assert_int_equal(err_status(e), rows[i].status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_contract),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
