/* What top makes of chatd's answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/top.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static const char first[] =
	"{\"at\":\"2026-01-02T03:04:05.000Z\",\"uptime_s\":100,\"counters\":{\"chat_messages_total\":1000,"
	"\"chat_sends_refused_total\":5,\"chat_sends_repeated_total\":5,\"chat_http_answers_total{code=200}\":10,"
	"\"chat_http_answers_total{code=404}\":1},\"times\":{\"chat_commit_seconds\":{\"count\":100,\"buckets\":[[100,"
	"90],"
	"[200,10]]}},\"gauges\":{\"connections_live\":3,\"queue_depth\":0}}";
static const char second[] =
	"{\"at\":\"2026-01-02T03:04:07.000Z\",\"uptime_s\":102,\"counters\":{\"chat_messages_total\":1100,"
	"\"chat_sends_refused_total\":15,\"chat_sends_repeated_total\":5,\"chat_http_answers_total{code=200}\":30,"
	"\"chat_http_answers_total{code=204}\":2,\"chat_http_answers_total{code=404}\":1},\"times\":{"
	"\"chat_commit_seconds\":{\"count\":200,\"buckets\":[[100,90],[150,60],[200,11],[900,39]]}},\"gauges\":{"
	"\"connections_live\":4,\"queue_depth\":7,\"stream_lag_max\":2048,\"stream_lag_max_ms\":3000}}";

static struct figures between(const char *a, const char *b, double seconds)
{
	cJSON *before = a ? cJSON_Parse(a) : NULL, *now = cJSON_Parse(b);
	struct figures f;

	assert_non_null(now);
	figures_of(before, now, seconds, &f);
	cJSON_Delete(before);
	cJSON_Delete(now);
	return f;
}

static void is(const struct figures *f, enum figure i, double wanted)
{
	if (f->value[i] < wanted - 1e-9 || f->value[i] > wanted + 1e-9)
		fail_msg("%s is %g, wanted %g", figure_key(i), f->value[i], wanted);
}

static void test_figures(void **state)
{
	struct figures f = between(first, second, 2);

	(void)state;
	is(&f, FIGURE_RECEIVED, 55);
	is(&f, FIGURE_DURABLE, 50);
	is(&f, FIGURE_REFUSED, 5);
	is(&f, FIGURE_ANSWERS_2XX, 11);
	is(&f, FIGURE_ANSWERS_4XX, 0);
	is(&f, FIGURE_LIVE, 4);
	is(&f, FIGURE_OUT_BYTES, -1);
	/* Of the interval: 60 up to 150, 1 up to 200, 39 up to 900. */
	is(&f, FIGURE_COMMIT_P50, 150);
	is(&f, FIGURE_COMMIT_P99, 900);
	is(&f, FIGURE_PUSH_P50, -1);
}

static void test_start(void **state)
{
	struct figures f = between(NULL, first, 100);

	(void)state;
	is(&f, FIGURE_DURABLE, 10);
	is(&f, FIGURE_COMMIT_P50, 100);
	is(&f, FIGURE_COMMIT_P99, 200);
	/* A chatd that was started again counts from nothing. */
	f = between(second, first, 2);
	is(&f, FIGURE_DURABLE, 500);
	is(&f, FIGURE_COMMIT_P99, 200);
	/* What is no answer of chatd does no harm. */
	f = between("[]",
		"{\"times\":{\"chat_commit_seconds\":{\"buckets\":[1,[],[[]],[\"x\",{}],{}]}},\"counters\":7}", 1);
	is(&f, FIGURE_DURABLE, 0);
	is(&f, FIGURE_COMMIT_P50, -1);
}

static void test_json(void **state)
{
	struct figures f = between(first, second, 2);
	cJSON *o = figures_json(&f, "2026-01-02T03:04:07.000Z", 2.0004);

	(void)state;
	assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(o, "at")), "2026-01-02T03:04:07.000Z");
	assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(o, "interval_s")) == 2);
	assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(o, "received_per_s")) == 55);
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(o, "push_p99_us")));
	assert_int_equal(cJSON_GetArraySize(o), FIGURE_COUNT + 2);
	cJSON_Delete(o);
}

static const char info[] = "{\"version\":\"0.1.0\",\"state\":\"serving\",\"uptime_s\":11520,\"listen\":[\"http://"
			   "127.0.0.1:8080\"],\"journal\":{\"segments\":3,\"bytes\":1536}}";
static const char conns[] = "[{\"id\":\"c1\",\"user\":\"bob\",\"state\":\"lagging\",\"lag_events\":1203,\"out_bytes\":"
			    "2048,\"idle_ms\":3000,\"pushed\":5,\"address\":\"\\u001b[31m\",\"device\":\"d1\"}]";

static void draw(struct top *t, unsigned width, unsigned height, struct buf *out)
{
	buf_init(out, 65536);
	top_draw(t, width, height, out);
	buf_addc(out, 0);
	assert_false(out->failed);
}

static void test_screen(void **state)
{
	struct cli c = {0};
	struct figures f = between(first, second, 2);
	struct top t = {.cli = &c, .disk_free = 1024, .disk_size = 2048, .clock = "14:07:31", .interval_s = 1};
	struct buf b;

	(void)state;
	cJSON *about = cJSON_Parse(info), *who = cJSON_Parse(conns);
	t.info = about;
	t.conns = who;
	top_add(&t, &f);
	f.value[FIGURE_DURABLE] = 100;
	top_add(&t, &f);
	draw(&t, 100, 24, &b);
	assert_string_equal(b.data,
		"chatd 0.1.0  serving  up 3.2 h  http://127.0.0.1:8080  every 1 s                            14:07:31\n"
		"connections  4 live   - catching up   - lagging   - handshake   - http\n"
		"messages/s   55 received   100 durable   0 pushed   0 replayed   5.0 refused\n"
		"answers/s    11 2xx   0 4xx   0 5xx   0 commits\n"
		"p50 / p99    queue - / -   commit 0.1 ms / 0.9 ms   push - / -\n"
		"waiting      queue 7 (0 B)   sockets 0 B   furthest behind 2.0 KiB, 3.0 s\n"
		"space        journal 1.5 KiB in 3 segments   disk 1.0 KiB free of 2.0 KiB\n"
		"\n"
		"durable/s    =#  max 100\n"
		"pushed/s     __  max 0\n"
		"commit p99   ##  max 0.9 ms\n"
		"push p99         max 0 us\n"
		"\n"
		"ID  USER  STATE      LAG      OUT   IDLE  PUSHED  ADDRESS   DEVICE\n"
		"c1  bob   lagging  1,203  2.0 KiB  3.0 s       5  \\x1b[31m  d1");
	buf_release(&b);
	t.utf8 = t.styled = true;
	draw(&t, 100, 24, &b);
	assert_non_null(strstr(b.data, "durable/s    \u2585\u2588"));
	assert_non_null(strstr(b.data, "\033[1mchatd 0.1.0"));
	buf_release(&b);
	cJSON_Delete(about);
	cJSON_Delete(who);
}

/* Whatever the size, no line is wider and none too many; the history goes round. */
static void test_sizes(void **state)
{
	struct cli c = {0};
	struct figures f = between(first, second, 2);
	struct top t = {.cli = &c, .trouble = "no answer", .interval_s = 1, .disk_size = -1};

	(void)state;
	for (unsigned i = 0; i < 3 * TOP_HISTORY; i++)
		top_add(&t, &f);
	for (unsigned height = 1; height <= 30; height++)
		for (unsigned width = 1; width <= 120; width += 7) {
			struct buf b;
			draw(&t, width, height, &b);
			unsigned lines = 1, columns = 0;
			for (const char *p = b.data; *p; p++) {
				columns = *p == '\n' ? 0 : columns + 1;
				lines += *p == '\n';
				assert_true(columns <= width);
			}
			assert_true(lines <= height);
			buf_release(&b);
		}
}

static void test_line(void **state)
{
	struct figures f = between(first, second, 2);
	struct buf b;

	(void)state;
	f.value[FIGURE_LAGGING] = 1;
	f.value[FIGURE_CATCHING_UP] = 2;
	buf_init(&b, 4096);
	top_line_names(&b);
	top_line(&f, "14:07:31", &b);
	buf_addc(&b, 0);
	assert_string_equal(b.data, "TIME         LIVE  BEHIND    RECV/S  DURABLE/S   PUSHED/S   4XX/S   5XX/S  "
				    "COMMIT50  COMMIT99    PUSH99    QUEUE\n"
				    "14:07:31        4       3        55         50          0       0       0    0.1 "
				    "ms    0.9 ms         -        7\n");
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_screen),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_line),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("cli_top", tests, NULL, NULL);
}
