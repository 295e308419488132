/* How chatctl finds the operators' interface, and what it shows in tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/admin.h"
#include "cli/human.h"
#include "cli/table.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void test_place(void **state)
{
	char dir[] = "/tmp/chat-admin.XXXXXX", why[600], path[600], token[600];
	struct admin_place p;
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/other.sock", dir);
	snprintf(at.sun_path, sizeof at.sun_path, "%.100s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	close(fd);

	assert_int_equal(admin_place(path, "", &p, why), 0);
	assert_string_equal(p.socket, path);
	snprintf(token, sizeof token, "%s/admin.token", dir);
	assert_string_equal(p.token_file, token);
	assert_int_equal(admin_place(path, "elsewhere", &p, why), 0);
	assert_string_equal(p.token_file, "elsewhere");

	assert_int_equal(admin_place(dir, NULL, &p, why), 0);
	assert_string_equal(p.token_file, token);
	snprintf(token, sizeof token, "%s/admin.sock", dir);
	assert_string_equal(p.socket, token);

	unlink(path);
	assert_int_equal(admin_place(path, "", &p, why), -1);
	assert_non_null(strstr(why, "No such file"));
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(admin_place("/dev/null", "", &p, why), -1);
	assert_non_null(strstr(why, "neither"));
}

static void test_place_url(void **state)
{
	char why[600], longer[600];
	struct admin_place p;

	(void)state;
	assert_int_equal(admin_place("http://127.0.0.1:8081", "t", &p, why), 0);
	assert_string_equal(p.url, "http://127.0.0.1:8081");
	assert_string_equal(p.socket, "");
	assert_int_equal(admin_place("https://chat.example", "t", &p, why), 0);
	assert_int_equal(admin_place("http://127.0.0.1:8081", "", &p, why), -1);
	assert_non_null(strstr(why, "--admin-token-file"));
	assert_int_equal(admin_place("http://192.0.2.1:8081", "t", &p, why), -1);
	assert_non_null(strstr(why, "in the clear"));
	assert_int_equal(admin_place("http://a@b", "t", &p, why), -1);
	memset(longer, 'a', sizeof longer - 1);
	longer[sizeof longer - 1] = 0;
	assert_int_equal(admin_place(longer, "", &p, why), -1);
	assert_int_equal(admin_place("/", longer, &p, why), -1);
}

static void test_human(void **state)
{
	char t[HUMAN_MAX];

	(void)state;
	assert_string_equal(human_us(0, t), "0 us");
	assert_string_equal(human_us(99, t), "99 us");
	assert_string_equal(human_us(400, t), "0.4 ms");
	assert_string_equal(human_us(1250, t), "1.2 ms");
	assert_string_equal(human_us(12500, t), "12 ms");
	assert_string_equal(human_us(3000000, t), "3.0 s");
	assert_string_equal(human_us(11520000000, t), "3.2 h");
	assert_string_equal(human_us(864000000000, t), "10 d");
	assert_string_equal(human_us(UINT64_MAX, t), "213503982 d");
	assert_string_equal(human_bytes(512, t), "512 B");
	assert_string_equal(human_bytes(1536, t), "1.5 KiB");
	assert_string_equal(human_bytes(UINT64_MAX, t), "16777215 TiB");
	assert_string_equal(human_count(0, t), "0");
	assert_string_equal(human_count(999, t), "999");
	assert_string_equal(human_count(1203, t), "1,203");
	assert_string_equal(human_count(UINT64_MAX, t), "999,999,999,999,999");
}

static void test_columns(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	pad_text(&b, STR("\u65e5\u672c"), 3, false); /* half of a character does not fit */
	pad_text(&b, STR("|7"), 4, true);
	buf_addc(&b, 0);
	assert_string_equal(b.data, "\u65e5   |7");
	buf_release(&b);
}

static char said[65536];

static void shows(struct cli c, const char *json, bool object, const char *expected)
{
	static const struct column columns[] = {{"user", "USER", CELL_TEXT}, {"n", "N", CELL_NUMBER},
		{"journal_bytes", "JOURNAL", CELL_BYTES}, {"idle_ms", "IDLE", CELL_MS}, {"at", "AT", CELL_TIME},
		{"on", "ON", CELL_TEXT}, {"listen", "LISTEN", CELL_TEXT}, {NULL, NULL, CELL_TEXT}};
	FILE *to = tmpfile();
	int saved = dup(STDOUT_FILENO);
	cJSON *v = cJSON_Parse(json);

	assert_non_null(to);
	assert_non_null(v);
	fflush(stdout);
	dup2(fileno(to), STDOUT_FILENO);
	assert_int_equal(object ? table_object(&c, columns, v) : table_show(&c, columns, v), EXIT_DONE);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	rewind(to);
	said[fread(said, 1, sizeof said - 1, to)] = 0;
	fclose(to);
	cJSON_Delete(v);
	assert_string_equal(said, expected);
}

static void test_table(void **state)
{
	static const char list[] =
		"[{\"user\":\"\\u65e5\\u001b[31m\",\"n\":1203,\"idle_ms\":3000,\"at\":\"2026-01-02T03:"
		"04:05.678Z\"},{\"user\":\"bob\",\"n\":null,\"on\":true}]";

	(void)state;
	shows((struct cli){.mode = OUT_TEXT, .utc = true}, list, false,
		"USER            N  JOURNAL   IDLE  AT                   ON   LISTEN\n"
		"\u65e5\\x1b[31m  1,203        -  3.0 s  2026-01-02 03:04:05  -    -\n"
		"bob             -        -      -  -                    yes  -\n");
	shows((struct cli){.mode = OUT_TEXT}, "[]", false, "");
	shows((struct cli){.mode = OUT_CSV}, "[{\"user\":\"bob\",\"n\":1203}]", false,
		"user,n,journal_bytes,idle_ms,at,on,listen\nbob,1203,,,,,\n");
	shows((struct cli){.mode = OUT_JSON}, "[{\"user\":\"bob\",\"x\":{\"y\":1}}]", false,
		"[{\"user\":\"bob\",\"x\":{\"y\":1}}]\n");
}

static void test_object(void **state)
{
	static const char one[] = "{\"user\":\"bob\",\"journal\":{\"bytes\":2048},\"listen\":[\"a\",\"b\"]}";

	(void)state;
	shows((struct cli){.mode = OUT_TEXT}, one, true, "USER     bob\nJOURNAL  2.0 KiB\nLISTEN   a b\n");
	shows((struct cli){.mode = OUT_TSV}, one, true, "bob\t\t2048\t\t\t\ta b\n");
	shows((struct cli){.mode = OUT_JSON}, one, true,
		"{\"user\":\"bob\",\"journal\":{\"bytes\":2048},\"listen\":[\"a\",\"b\"]}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_place_url),
		cmocka_unit_test(test_human),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_object),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("cli_admin", tests, NULL, NULL);
}
