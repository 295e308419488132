#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/out.h"
#include "common/text/sanitise.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char message[] =
	"{\"id\":\"mAAAAAAAAAA\",\"client_id\":\"c-1\",\"from\":\"ada\",\"to\":\"bob\",\"kind\":\"text\","
	"\"body\":\"a,\\\"b\\\"\\tc\\\\\\nd\\u001b[0m\\u202ee\",\"sent_at\":\"2026-01-02T03:04:05.678Z\","
	"\"delivered_at\":\"2026-01-02T03:04:06.000Z\",\"read_at\":null,\"x\":1,\"y\":true}";
static const char *const columns[] = {"from", "body", "read_at", "x", "y", NULL};

static char said[65536];

/* Prints n times the same item; what came on stdout is in said. */
static void print(struct cli *c, const char *const *cols, const char *json, unsigned n, bool single)
{
	FILE *to = tmpfile();
	int saved = dup(STDOUT_FILENO);
	cJSON *item = cJSON_Parse(json);
	struct out o;

	assert_non_null(to);
	assert_non_null(item);
	fflush(stdout);
	dup2(fileno(to), STDOUT_FILENO);
	out_begin(&o, c, cols, single);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(out_item(&o, item), 0);
	assert_int_equal(out_end(&o), 0);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	rewind(to);
	said[fread(said, 1, sizeof said - 1, to)] = 0;
	fclose(to);
	cJSON_Delete(item);
	assert_int_equal(o.n, n);
}

static void prints(struct cli c, const char *expected)
{
	print(&c, columns, message, 1, false);
	assert_string_equal(said, expected);
}

static void test_rows(void **state)
{
	(void)state;
	prints((struct cli){.mode = OUT_CSV},
		"from,body,read_at,x,y\nada,\"a,\"\"b\"\"\tc\\\nd\x1b[0m\u202ee\",,1,true\n");
	prints((struct cli){.mode = OUT_CSV, .tty_out = true},
		"from,body,read_at,x,y\nada,\"a,\"\"b\"\"\tc\\\nd\\x1b[0m\\u202ee\",,1,true\n");
	prints((struct cli){.mode = OUT_TSV}, "ada\ta,\"b\"\\tc\\\\\\nd\x1b[0m\u202ee\t\t1\ttrue\n");
	prints((struct cli){.mode = OUT_TSV, .tty_out = true}, "ada\ta,\"b\"\\tc\\\\\\nd\\x1b[0m\\u202ee\t\t1\ttrue\n");
	prints((struct cli){.mode = OUT_TEXT}, "ada  a,\"b\"\\tc\\\\nd\\x1b[0m\\u202ee  -  1  true\n");
}

static void test_csv_quotes(void **state)
{
	static const char *const cols[] = {"v", NULL};
	static const struct {
		const char *json, *expected;
	} rows[] = {
		{"{\"v\":\"\"}", "v\n\n"},
		{"{\"v\":\"plain\"}", "v\nplain\n"},
		{"{\"v\":\"a,b\"}", "v\n\"a,b\"\n"},
		{"{\"v\":\"\\\"\"}", "v\n\"\"\"\"\n"},
		{"{\"v\":\"a\\r\"}", "v\n\"a\r\"\n"},
		{"{\"v\":\"a\\nb\"}", "v\n\"a\nb\"\n"},
		{"{}", "v\n\n"},
	};
	struct cli c = {.mode = OUT_CSV};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		print(&c, cols, rows[i].json, 1, false);
		assert_string_equal(said, rows[i].expected);
	}
}

static void test_message_line(void **state)
{
	struct cli c = {.mode = OUT_TEXT, .utc = true};

	(void)state;
	print(&c, message_columns, message, 1, false);
	assert_string_equal(said, "mAAAAAAA  2026-01-02 03:04  ada: a,\"b\"\\tc\\\\nd\\x1b[0m\\u202ee\n");
	setenv("TZ", "UTC-5", 1);
	tzset();
	c.utc = false;
	print(&c, message_columns, message, 1, false);
	assert_memory_equal(said, "mAAAAAAA  2026-01-02 08:04  ada", 31);
}

static void test_json(void **state)
{
	struct cli c = {.mode = OUT_JSON};

	(void)state;
	print(&c, columns, message, 0, false);
	assert_string_equal(said, "[]\n");
	print(&c, columns, "{\"a\":\"\u202e\",\"b\":null}", 2, false);
	assert_string_equal(said, "[{\"a\":\"\u202e\",\"b\":null},\n {\"a\":\"\u202e\",\"b\":null}]\n");
	print(&c, columns, "{\"a\":1}", 1, true);
	assert_string_equal(said, "{\"a\":1}\n");
	c.fields = "b,aa";
	print(&c, columns, "{\"a\":1,\"aa\":2,\"b\":3,\"bb\":4}", 1, true);
	assert_string_equal(said, "{\"aa\":2,\"b\":3}\n");
	c.fields = "";
	print(&c, columns, "{\"a\":1}", 1, true);
	assert_string_equal(said, "{\"a\":1}\n");
	c = (struct cli){.mode = OUT_JSONL};
	print(&c, columns, "{\"a\":\"x\\ny\"}", 2, false);
	assert_string_equal(said, "{\"a\":\"x\\ny\"}\n{\"a\":\"x\\ny\"}\n");
}

/* On a terminal the same JSON, with nothing raw in it. */
static void test_json_on_terminal(void **state)
{
	struct cli c = {.mode = OUT_JSONL, .tty_out = true};
	struct buf b;

	(void)state;
	print(&c, columns, "{\"a\":\"\x7f\xc2\x85\u202e\U000e0041\u00e9\"}", 1, false);
	assert_string_equal(said, "{\"a\":\"\\u007f\\u0085\\u202e\\udb40\\udc41\u00e9\"}\n");
	cJSON *again = cJSON_Parse(said);
	assert_string_equal(cJSON_GetObjectItem(again, "a")->valuestring, "\x7f\xc2\x85\u202e\U000e0041\u00e9");
	cJSON_Delete(again);
	buf_init(&b, 1000);
	assert_int_equal(sanitise(&b, STR("[\r\n\t{}]\x1b"), SANITISE_JSON), 0);
	assert_true(str_is(buf_str(&b), "[\n\t{}]\\u001b"));
	buf_release(&b);
}

static void formats(const char *format, const char *expected)
{
	struct cli c = {.format = format, .utc = true};

	assert_int_equal(out_format_check(format), EXIT_DONE);
	print(&c, message_columns, message, 1, false);
	assert_string_equal(said, expected);
}

static void test_format(void **state)
{
	(void)state;
	formats("%i|%c|%f>%t", "mAAAAAAAAAA|c-1|ada>bob\n");
	formats("%S %% \\t\\n\\x", "delivered % \t\n\\x\n");
	formats("%T", "2026-01-02 03:04:05\n");
	formats("%T{%d.%m.%y}!", "02.01.26!\n");
	formats("%T{}%f", "ada\n");
	formats("", "\n");
	formats("%b", "a,\"b\"\tc\\\nd\x1b[0m\u202ee\n");
	struct cli c = {.format = "%b", .tty_out = true};
	print(&c, message_columns, message, 1, false);
	assert_string_equal(said, "a,\"b\"\tc\\\nd\\x1b[0m\\u202ee\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_csv_quotes),
		cmocka_unit_test(test_message_line),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_on_terminal),
		cmocka_unit_test(test_format),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("cli_out", tests, NULL, NULL);
}
