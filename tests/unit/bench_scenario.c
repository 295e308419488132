#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/bench/scenario.h"
#include <cmocka.h>
#include <math.h>
#include <stdio.h>

/* The example of chat-scenario(5). */
static const char evening[] =
	"scenario \"evening peak\"      seed 42\n"
	"users   10000  prefix lt-    pairs zipf 1.1 contacts 20      # or ring, fan-in N, uniform\n"
	"payload lognormal median 80B p99 2KiB                         # or fixed 256B, file F, unicode hard\n"
	"ws      10000 connect-rate 500/s churn 1%/min\n"
	"phase warmup 30s rate 200/s\n"
	"phase ramp   60s rate 200/s -> 5000/s\n"
	"phase steady 10m rate 5000/s arrivals poisson\n"
	"phase drain  until-quiet timeout 30s\n"
	"mix  send 70% via ws:50 rest:50 | list 12% | read 8% | mark 8% | typing 2%\n"
	"fault at 5m for 30s disconnect 20%\n"
	"fault at 6m for 60s slow-reader 5% 1KiB/s\n"
	"threshold e2e.p99 < 50ms\n"
	"threshold integrity.lost == 0\n";

static struct scenario s;
static struct scenario_error e;

static int parse(const char *text)
{
	return scenario_parse(str_of(text), &s, &e);
}

static void near(double got, double want)
{
	assert_true(fabs(got - want) <= 1e-9 * fabs(want));
}

static void test_all_of_it(void **state)
{
	(void)state;
	assert_int_equal(parse(evening), 0);
	assert_string_equal(s.name, "evening peak");
	assert_int_equal(s.seed, 42);
	assert_int_equal(s.users, 10000);
	assert_string_equal(s.prefix, "lt-");
	assert_int_equal(s.pairs, PAIRS_ZIPF);
	near(s.zipf, 1.1);
	assert_int_equal(s.contacts, 20);
	assert_int_equal(scenario_pairs(&s), 200000);
	assert_int_equal(s.payload.kind, PAYLOAD_LOGNORMAL);
	near(s.payload.median, 80);
	near(s.payload.p99, 2048);
	assert_int_equal(s.ws, 10000);
	near(s.connect_rate, 500);
	near(s.churn, 0.01 / 60);
	assert_int_equal(s.n_phases, 4);
	assert_int_equal(s.phases[1].kind, PHASE_RAMP);
	assert_int_equal(s.phases[1].start, 30000000);
	near(s.phases[1].to, 5000);
	assert_int_equal(s.phases[3].kind, PHASE_DRAIN);
	assert_int_equal(s.phases[3].start, 690000000);
	assert_int_equal(scenario_length(&s), 720000000);
	/* 200 x 30 + 2,600 x 60 + 5,000 x 600 ops, 70 % of them sends. */
	near(scenario_sends(&s), 0.7 * (6000 + 156000 + 3000000));
	near(s.mix[OP_SEND], 0.7);
	near(s.mix[OP_TYPING], 0.02);
	near(s.send_ws, 0.5);
	assert_int_equal(s.n_faults, 2);
	assert_int_equal(s.faults[0].kind, FAULT_DISCONNECT);
	assert_int_equal(s.faults[0].at, 300000000);
	near(s.faults[1].share, 0.05);
	near(s.faults[1].rate, 1024);
	assert_int_equal(s.n_thresholds, 2);
	assert_int_equal(s.thresholds[0].metric.stat, STAT_PERCENTILE);
	assert_int_equal(s.thresholds[0].metric.index, TIMING_E2E);
	near(s.thresholds[0].metric.percent, 99);
	assert_int_equal(s.thresholds[0].op, CMP_LT);
	near(s.thresholds[0].value, 50000);
	assert_int_equal(s.thresholds[1].metric.index, COUNT_LOST);
	assert_string_equal(s.thresholds[1].text, "integrity.lost == 0");
}

#define RATED "phase steady 1s rate 1/s\n"

static void test_forms(void **state)
{
	(void)state;
	assert_int_equal(parse(RATED), 0);
	assert_int_equal(s.n_phases, 2);
	assert_int_equal(s.phases[1].length, 30000000);
	assert_int_equal(s.ws, 100);
	assert_int_equal(parse("\r\n  # only a remark\n\tusers 3 pairs ring\r\n" RATED), 0);
	assert_int_equal(s.contacts, 1);
	assert_int_equal(s.ws, 3);
	assert_int_equal(parse("users 3\n" RATED), 0);
	assert_int_equal(s.contacts, 2);
	assert_int_equal(parse("users 50 pairs fan-in 2\npayload fixed 256B\n" RATED), 0);
	assert_int_equal(s.fan_in, 2);
	assert_int_equal(s.payload.bytes, 256);
	assert_int_equal(parse("payload unicode hard\n" RATED), 0);
	assert_int_equal(s.payload.kind, PAYLOAD_UNICODE);
	assert_int_equal(parse("payload file \"a b.txt\"\nseed 9\n" RATED), 0);
	assert_string_equal(s.payload.file, "a b.txt");
	assert_int_equal(s.seed, 9);
	assert_int_equal(parse("phase ramp 1.5s rate 60/min->7200/h arrivals constant\nthreshold ack.p99.9<=1s"), 0);
	near(s.phases[0].from, 1);
	near(s.phases[0].to, 2);
	assert_int_equal(s.phases[0].length, 1500000);
	assert_int_equal(s.phases[0].arrivals, ARRIVALS_CONSTANT);
	near(s.thresholds[0].metric.percent, 99.9);
	assert_int_equal(parse("ws 0\n" RATED), 0);
	near(s.send_ws, 0);
	assert_int_equal(
		parse("mix send 50%|list 50%\nthreshold rate.acked >= 100/s\nthreshold errors.share < 0.1%\n" RATED),
		0);
	near(s.send_ws, 1);
	near(s.thresholds[1].value, 0.001);
}

static void test_written_again(void **state)
{
	struct scenario first;
	struct buf b;

	(void)state;
	buf_init(&b, SCENARIO_BYTES);
	assert_int_equal(parse(evening), 0);
	first = s;
	assert_int_equal(scenario_write(&s, &b), 0);
	assert_int_equal(scenario_parse(buf_str(&b), &s, &e), 0);
	near(s.churn, first.churn);
	s.churn = first.churn;
	for (unsigned i = 0; i < s.n_thresholds; i++)
		s.thresholds[i].line = first.thresholds[i].line;
	for (unsigned i = 0; i < OPS; i++) {
		near(s.mix[i], first.mix[i]);
		s.mix[i] = first.mix[i];
	}
	assert_memory_equal(&s, &first, sizeof s);
	buf_release(&b);
}

/* Each mistake, where it is found and what is said of it. */
static void test_mistakes(void **state)
{
	static const struct {
		const char *text;
		unsigned line, column;
		const char *why;
	} rows[] = {
		{"", 0, 1, "at least one phase with a rate"},
		{"phase drain until-quiet timeout 3s\n", 1, 1, "at least one phase with a rate"},
		{"fase steady 1s rate 1/s", 1, 1, "expected scenario, seed, users, payload"},
		{RATED "phase steady 10 rate 1/s", 2, 14,
			"expected a duration from 1ms to 7d, such as 500ms, 30s, 10m or 2h, not \"10\""},
		{"phase steady 8d rate 1/s", 1, 14, "duration"},
		{"phase steady 1s rate", 1, 21,
			"expected a rate of at most 10000000/s, such as 200/s or 30/min, but the line ends"},
		{"phase steady 1s rate -1/s", 1, 22, "expected a rate"},
		{"phase steady 1s rate 1e3/s", 1, 22, "expected a rate"},
		{"phase steady 1s rate 1/s arrivals often", 1, 35, "expected poisson or constant, not \"often\""},
		{"phase ramp 1s rate 1/s", 1, 23, "-> and the rate at the end"},
		{"phase steady 1s rate 1/s 2/s", 1, 26, "expected the end of the line, not \"2/s\""},
		{"phase middle 1s rate 1/s", 1, 7, "expected warmup, ramp, steady or drain"},
		{"phase drain until-quiet timeout 1s\nphase steady 1s rate 1/s", 2, 7, "nothing follows the drain"},
		{RATED "phase warmup 1s rate 1/s", 2, 7, "a warm-up comes first"},
		{"users 1\n" RATED, 1, 7, "from 2 to 1000000"},
		{"users 2.5\n" RATED, 1, 7, "whole number"},
		{"users 10 prefix Lt-\n" RATED, 1, 17, "user names begin"},
		{"users 10 prefix lt-lt-lt-lt-lt-lt-lt-\n" RATED, 1, 17, "1 to 16 bytes"},
		{"users 10 pairs zipf\n" RATED, 1, 20, "an exponent from 0 to 10"},
		{"users 10 pairs star\n" RATED, 1, 16, "expected uniform, zipf, ring or fan-in"},
		{"users 10 contacts 10\n" RATED, 1, 1, "10 contacts need more than 10 users"},
		{"users 10 pairs ring contacts 3\n" RATED, 1, 1, "contacts goes with zipf and uniform"},
		{"users 10 pairs fan-in 10\n" RATED, 1, 1, "leaves nobody"},
		{"users 1000000 contacts 21\n" RATED, 1, 1, "above 20000000"},
		{"users 10\nusers 11\n" RATED, 2, 1, "users stands in line 1 already"},
		{"users 10\nws 11\n" RATED, 2, 1, "11 sockets, but 10 users"},
		{"ws 10 churn 1%\n" RATED, 1, 13, "1%/min"},
		{"ws 0\nmix send 100% via ws:1 rest:1\n" RATED, 2, 1, "need sockets"},
		{"payload fixed 31B\n" RATED, 1, 15, "a size from 32B to 16KiB"},
		{"payload lognormal median 80B\n" RATED, 1, 29, "p99 and a size, but the line ends"},
		{"payload lognormal median 80B p99 40B\n" RATED, 1, 34, "below the median"},
		{"payload unicode soft\n" RATED, 1, 17, "expected hard"},
		{"mix send 70% | list 20%\n" RATED, 1, 1, "add up to 90%, not to 100%"},
		{"mix send 70% | send 30%\n" RATED, 1, 16, "has its share already"},
		{"mix send 100% via\n" RATED, 1, 18, "ways with weights"},
		{"mix send 100% via ws:0\n" RATED, 1, 23, "weights above 0"},
		{"mix send 100% via tcp:1\n" RATED, 1, 19, "ws:50 or rest:50"},
		{"fault at 0s for 1s disconnect 2%\n" RATED, 1, 10, "duration"},
		{"fault at 1s for 1s disconnect 2%\n" RATED, 1, 1, "after the drain began"},
		{"fault at 1ms for 1ms slow-reader 2%\n" RATED, 1, 36, "such as 1KiB/s"},
		{"threshold e3e.p99 < 1s\n" RATED, 1, 11, "expected a metric"},
		{"threshold e2e.p101 < 1s\n" RATED, 1, 11, "expected a metric"},
		{"threshold e2e.p99 = 1s\n" RATED, 1, 19, "expected <, <=, ==, > or >="},
		{"threshold e2e.p99 < 1\n" RATED, 1, 21, "a time such as 50ms"},
		{"threshold integrity.lost < 1%\n" RATED, 1, 28, "a number"},
		{"scenario \"no end\n" RATED, 1, 10, "this quotation has no end"},
		{"scenario \"\xc3\xa4\" seed x\n" RATED, 1, 19, "at most 19 digits"},
		{"scenario \xff\n" RATED, 1, 1, "not UTF-8"},
		{"phase steady 1d rate 10000000/s", 1, 1, "sends in all"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (parse(rows[i].text) != -1 || !strstr(e.why, rows[i].why) ||
			(rows[i].line && e.line != rows[i].line) || e.column != rows[i].column)
			fail_msg("row %zu (%s): %u:%u: %s", i, rows[i].text, e.line, e.column, e.why);
	}
}

static void test_explained(void **state)
{
	char text[3000];
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(parse("scenario \"\x1b[31m\" sed 1\n"), -1);
	assert_int_equal(scenario_explain(&e, "x.scenario", &b), 0);
	assert_int_equal(buf_addc(&b, 0), 0);
	assert_string_equal(b.data, "x.scenario:1:18: expected the end of the line, not \"sed\"\n"
				    "  scenario \"\\x1b[31m\" sed 1\n"
				    "                      ^\n");
	buf_release(&b);
	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = 0;
	assert_int_equal(parse(text), -1);
	assert_non_null(strstr(e.why, "longer than 1000 bytes"));
	/* Late in a long line, the caret is still under it. */
	memset(text, ' ', 900);
	memcpy(text + 900, "bogus", 6);
	assert_int_equal(parse(text), -1);
	assert_int_equal(e.column, 901);
	assert_memory_equal(e.text + e.caret - 1, "bogus", 5);
}

static void test_warnings(void **state)
{
	struct scenario_warnings w;

	(void)state;
	assert_int_equal(parse(evening), 0);
	scenario_warn(&s, &w);
	assert_int_equal(w.n, 0);
	assert_int_equal(parse("users 10\nws 5 connect-rate 1/min\nthreshold e2e.p99.9 < 1s\n" RATED), 0);
	scenario_warn(&s, &w);
	assert_int_equal(w.n, 4);
	assert_non_null(strstr(w.text[0], "no warm-up"));
	assert_non_null(strstr(w.text[1], "takes 300 s"));
	assert_non_null(strstr(w.text[2], "5 of 10 users have no socket"));
	assert_non_null(strstr(w.text[3], "line 3: about 0.0 of 1 sends"));
}

static void test_metrics(void **state)
{
	static const char *const bad[] = {"", "e2e", "e2e.", "e2e.p", "e2e.p.9", "e2e.p9..9", "e2e.p101", "e2e.p1e1",
		"e2e.median", "integrity", "integrity.lost.p99", "lag.p99999999999999999"};
	struct metric m;
	char name[64];

	(void)state;
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(metric_parse(str_of(bad[i]), &m), -1);
	for (unsigned i = 0; i < COUNTS; i++) {
		assert_int_equal(metric_parse(str_of(count_word(i)), &m), 0);
		metric_name(&m, name);
		assert_string_equal(name, count_word(i));
	}
	static const char *const good[] = {"e2e.p99.99", "ack-service.mean", "lag.max", "connect.count"};
	for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
		assert_int_equal(metric_parse(str_of(good[i]), &m), 0);
		metric_name(&m, name);
		assert_string_equal(name, good[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_of_it),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_written_again),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_explained),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_metrics),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("bench_scenario", tests, NULL, NULL);
}
