/* Statistics against known values, the data math, and a results directory that reads back as it was written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/bench/draw.h"
#include "cli/bench/plan.h"
#include "cli/bench/report.h"
#include "cli/bench/stats.h"
#include <cmocka.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void near(double got, double want, double within)
{
	if (fabs(got - want) > within)
		fail_msg("got %.9g, wanted %.9g", got, want);
}

static void test_median(void **state)
{
	double odd[] = {5, 1, 3}, even[] = {4, 1, 3, 2};

	(void)state;
	near(stats_median(odd, 3), 3, 0);
	near(stats_median(even, 4), 2.5, 0);
	near(stats_median(even, 0), 0, 0);
}

/* Values that R's wilcox.test(a, b, exact = FALSE) gives. */
static void test_mann_whitney(void **state)
{
	static const double a[] = {19, 22, 16, 29, 24}, b[] = {20, 11, 17, 12};
	static const double c[] = {1, 2, 2, 3}, d[] = {2, 3, 3, 4, 5};
	double u;

	(void)state;
	near(stats_mann_whitney(a, 5, b, 4, &u), 0.11135, 5e-5);
	near(u, 17, 0);
	near(stats_mann_whitney(b, 4, a, 5, &u), 0.11135, 5e-5);
	near(u, 3, 0);
	/* Ties: U 3, mean 10, variance 20/12 * (10 - 48/72). */
	near(stats_mann_whitney(c, 4, d, 5, &u), erfc(6.5 / sqrt(20 / 12.0 * (10 - 48 / 72.0)) / sqrt(2)), 1e-12);
	near(u, 3, 0);
	near(stats_mann_whitney(a, 0, b, 4, &u), 1, 0);
	near(stats_mann_whitney(a, 1, a, 1, &u), 1, 0);
}

/* Normal noise around a mean. */
static void noise(double *v, unsigned n, uint64_t seed, double mean, double deviation)
{
	for (unsigned i = 0; i < n; i++)
		v[i] = mean + deviation * sqrt(-2 * log(draw_unit(seed, DRAW_LENGTH, i))) *
				      cos(2 * M_PI * draw_unit(seed, DRAW_LENGTH2, i));
}

static void test_compare(void **state)
{
	static double a[200], b[200];
	struct compared x;
	unsigned false_alarms = 0, covered = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		noise(a, 60, 2 * seed + 1, 100, 10);
		noise(b, 60, 2 * seed + 2, 100, 10);
		assert_int_equal(stats_compare(a, 60, b, 60, &x), 0);
		false_alarms += x.verdict != COMPARE_NOISE;
		covered += x.difference.low <= 0 && x.difference.high >= 0;
	}
	/* One in a hundred would be usual; the interval holds the truth nearly always. */
	assert_true(false_alarms <= 2);
	assert_true(covered >= 34);
	noise(b, 60, 999, 110, 10);
	assert_int_equal(stats_compare(a, 60, b, 60, &x), 0);
	assert_int_equal(x.verdict, COMPARE_MORE);
	assert_true(x.difference.low > 2 && x.difference.high < 20 && x.difference.low < x.difference.estimate);
	assert_int_equal(stats_compare(b, 60, a, 60, &x), 0);
	assert_int_equal(x.verdict, COMPARE_LESS);
	assert_int_equal(stats_compare(a, 7, b, 60, &x), 0);
	assert_int_equal(x.verdict, COMPARE_TOO_FEW);
	assert_int_equal(stats_compare(a, 60, a, 60, &x), 0);
	assert_int_equal(x.verdict, COMPARE_NOISE);
	near(x.p, 1, 1e-9);
}

/* The numbers of the design. */
static void test_plan(void **state)
{
	struct plan_input in = plan_defaults;
	struct plan p;
	double v;

	(void)state;
	in.daily = 10e9;
	in.bytes = 200;
	in.growth = 2;
	in.peak = 3;
	plan_make(&in, &p);
	near(p.today.mean, 115740, 0);
	near(p.grown.mean, 231480, 0);
	near(p.grown.peak, 694440, 0);
	near(p.today.day_bytes, 2e12, 0);
	near(p.grown.year_bytes, 1.46e15, 0);
	near(p.kept_bytes, 4.38e15, 0);
	assert_int_equal(p.partitions, 70);
	assert_int_equal(p.nodes, 0);
	in.per_node = 150000;
	plan_make(&in, &p);
	assert_int_equal(p.nodes, 8);
	assert_int_equal(p.partitions, 72);
	near(p.node_bytes, 4.38e15 / 8, 1);
	in.daily = 1000;
	plan_make(&in, &p);
	assert_int_equal(p.nodes, 3);
	assert_int_equal(plan_number("2.5M", &v), 0);
	near(v, 2.5e6, 0);
	static const char *const bad[] = {"", "x", "-1", "1e9", "0", "1Bk", "1..", "10 B"};
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(plan_number(bad[i], &v), -1);
}

/* ---- a run's results ---- */

static struct scenario s;
static struct results r;
static struct environment env;

static void make_results(void)
{
	static const char text[] = "scenario \"a <b> & \\\"\nusers 10\nphase warmup 5s rate 100/s\nphase steady 60s "
				   "rate 1000/s\nfault at 20s for 10s "
				   "disconnect 50%\nthreshold e2e.p99 < 50ms\nthreshold rate.acked >= 900/s\n";
	struct scenario_error e;

	if (scenario_parse(str_of(text), &s, &e))
		fail_msg("%s", e.why);
	assert_int_equal(results_init(&r, &s), 0);
	for (unsigned i = 0; i < 60000; i++) {
		uint64_t us = (uint64_t)(2000 - 1500 * log(draw_unit(1, DRAW_TEXT, i)));
		hist_record(&r.timings[TIMING_E2E], us);
		hist_record(&r.timings[TIMING_ACK], us / 2);
	}
	for (unsigned i = 0; i < 65; i++) {
		struct second row = {.at = i,
			.intended = 1000,
			.sent = 1000,
			.acked = 990 + i % 7,
			.pushed = 980,
			.e2e_p50 = 3000,
			.e2e_p99 = i == 25 ? 90000 : 9000,
			.ack_p99 = 4000,
			.sockets = 10,
			.busy = 0.25};
		assert_int_equal(results_add_second(&r, &row), 0);
	}
	r.counts[COUNT_SENT] = r.counts[COUNT_INTENDED] = 60000;
	r.counts[COUNT_ACKED] = 59900;
	r.counts[COUNT_SECONDS] = 60;
	r.run = 0xdeadbeef;
	r.ledger.offences[OFFENCE_LOST] = 1;
	r.ledger.offenders[0] = (struct offender){.kind = OFFENCE_LOST,
		.counter = 17,
		.pair = 3,
		.at = 1234567,
		.id = "...abcdefghij",
		.why = "acknowledged, never pushed"};
	r.ledger.n_offenders = 1;
	results_finish(&r);
	environment_fill(&env);
	snprintf(env.server, sizeof env.server, "chatd <evil>\x1b[31m");
	snprintf(env.command, sizeof env.command, "chatctl bench run x");
}

static void remove_dir(const char *dir)
{
	char path[512];
	struct dirent *d;
	DIR *all = opendir(dir);

	while (all && (d = readdir(all))) {
		snprintf(path, sizeof path, "%s/%s", dir, d->d_name);
		if (d->d_name[0] != '.')
			unlink(path);
	}
	if (all)
		closedir(all);
	rmdir(dir);
}

static void test_directory(void **state)
{
	static struct scenario again;
	static struct results back;
	static struct environment other;
	char dir[] = "/tmp/chat-results.XXXXXX", why[256];

	(void)state;
	make_results();
	assert_non_null(mkdtemp(dir));
	assert_int_equal(report_write(dir, &r, &env, why), 0);
	if (report_load(dir, &again, &back, &other, why))
		fail_msg("%s", why);
	assert_string_equal(again.name, s.name);
	assert_memory_equal(back.counts, r.counts, sizeof r.counts);
	assert_int_equal(back.n_series, 65);
	assert_memory_equal(back.series, r.series, 65 * sizeof *r.series);
	assert_int_equal(back.run, 0xdeadbeef);
	for (unsigned i = 0; i < TIMINGS; i++)
		assert_memory_equal(back.timings[i].buckets, r.timings[i].buckets, sizeof r.timings[i].buckets);
	assert_int_equal(back.ledger.n_offenders, 1);
	assert_string_equal(back.ledger.offenders[0].id, "...abcdefghij");
	assert_int_equal(back.ledger.offenders[0].at, 1234567);
	assert_string_equal(other.cpu, env.cpu);
	assert_int_equal(other.memory, env.memory);
	struct judged j, k;
	results_judge(&r, &j);
	results_judge(&back, &k);
	assert_int_equal(j.code, BENCH_INTEGRITY);
	assert_int_equal(k.code, j.code);
	assert_string_equal(k.why, j.why);
	results_release(&back);
	remove_dir(dir);
	assert_int_equal(report_load(dir, &again, &back, &other, why), -1);
	assert_non_null(strstr(why, "run.scenario: No such file"));
	assert_int_equal(report_write("/nowhere/at/all", &r, &env, why), -1);
	assert_non_null(strstr(why, "/nowhere/at/all"));
	results_release(&r);
}

/* What a peer or a file wrote is text in the page, and in no case markup. */
static void test_page(void **state)
{
	struct buf b;

	(void)state;
	make_results();
	buf_init(&b, 8 << 20);
	assert_int_equal(report_html(&r, &env, &b), 0);
	assert_int_equal(buf_addc(&b, 0), 0);
	assert_null(strstr(b.data, "<evil>"));
	assert_non_null(strstr(b.data, "chatd &lt;evil&gt;\\x1b[31m"));
	assert_non_null(strstr(b.data, "<b>INTEGRITY</b>1 lost, 0 doubled"));
	assert_non_null(strstr(b.data, "lt-0 to lt-"));
	assert_non_null(strstr(b.data, "deadbeef-17"));
	assert_non_null(strstr(b.data, "<rect class=f"));
	assert_null(strstr(b.data, "nan"));
	assert_null(strstr(b.data, "http://"));
	assert_null(strstr(b.data, "<script"));
	buf_reset(&b);
	assert_int_equal(report_junit(&r, &b), 0);
	assert_int_equal(buf_addc(&b, 0), 0);
	assert_non_null(strstr(b.data, "tests=\"4\" failures=\"1\""));
	assert_non_null(strstr(b.data, "name=\"e2e.p99 &lt; 50ms\"/>"));
	buf_release(&b);
	results_release(&r);
	/* Nothing at all was measured: it says so, and draws nothing. */
	assert_int_equal(results_init(&r, &s), 0);
	results_finish(&r);
	assert_int_equal(report_html(&r, &env, &b), 0);
	assert_int_equal(buf_addc(&b, 0), 0);
	assert_non_null(strstr(b.data, "nothing was sent"));
	assert_null(strstr(b.data, "<svg"));
	buf_release(&b);
	results_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_median),
		cmocka_unit_test(test_mann_whitney),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_page),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("bench_report", tests, NULL, NULL);
}
