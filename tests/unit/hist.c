/* The histogram against the same values, sorted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/hist/hist.h"
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SAMPLES = 20000 };

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The nearest-rank percentile of sorted values. */
static uint64_t exact(const uint64_t *sorted, double percent)
{
	double rank = ceil(percent / 100 * SAMPLES - 1e-9);

	return sorted[rank < 1 ? 0 : (size_t)rank - 1];
}

static uint64_t uniform(void)
{
	return (uint64_t)(drand48() * 5000);
}

static uint64_t exponential(void)
{
	return (uint64_t)(-1e5 * log(1 - drand48()));
}

static uint64_t wide(void)
{
	return (uint64_t)exp(drand48() * log(3.6e9));
}

static void test_percentiles(void **state)
{
	static uint64_t (*const draw[])(void) = {uniform, exponential, wide};
	static const double percents[] = {0, 1, 10, 50, 90, 99, 99.9, 99.99, 100};
	static uint64_t v[SAMPLES];
	static struct hist h;

	(void)state;
	srand48(7);
	for (unsigned d = 0; d < 3; d++) {
		double sum = 0;
		hist_reset(&h);
		for (unsigned i = 0; i < SAMPLES; i++) {
			v[i] = draw[d]();
			sum += (double)v[i];
			hist_record(&h, v[i]);
		}
		qsort(v, SAMPLES, sizeof *v, compare);
		assert_int_equal(h.count, SAMPLES);
		assert_int_equal(h.min, v[0]);
		assert_int_equal(h.max, v[SAMPLES - 1]);
		assert_true(fabs(hist_mean(&h) - sum / SAMPLES) < 1e-6 * sum);
		for (unsigned i = 0; i < sizeof percents / sizeof *percents; i++) {
			uint64_t want = exact(v, percents[i]), got = hist_percentile(&h, percents[i]);
			assert_true(got >= want);
			assert_true((double)got <= (double)want * (1 + 1.0 / HIST_STEPS));
		}
	}
}

/* Every step ends where the next one begins, and none is wider than promised. */
static void test_steps(void **state)
{
	static struct hist h;

	(void)state;
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		uint64_t top = hist_step_top(i), from = i ? hist_step_top(i - 1) + 1 : 0;
		assert_true(top >= from && top - from <= from / HIST_STEPS);
		hist_reset(&h);
		hist_record(&h, from);
		hist_record(&h, top);
		assert_int_equal(h.buckets[i], 2);
	}
	assert_int_equal(hist_step_top(HIST_BUCKETS - 1), HIST_TOP);
}

static void test_edges(void **state)
{
	static struct hist h, other;

	(void)state;
	hist_reset(&h);
	assert_int_equal(hist_percentile(&h, 50), 0);
	assert_true(hist_mean(&h) == 0 && hist_stddev(&h) == 0);
	hist_add(&h, 5, 0);
	assert_int_equal(h.count, 0);
	hist_record(&h, UINT64_MAX / 2);
	assert_int_equal(hist_percentile(&h, 50), UINT64_MAX / 2);
	hist_reset(&h);
	for (unsigned i = 1; i <= 1000; i++)
		hist_record(i % 2 ? &h : &other, i % 100);
	hist_merge(&h, &other);
	assert_int_equal(h.count, 1000);
	assert_int_equal(hist_percentile(&h, 50), 49);
	assert_int_equal(hist_percentile(&h, 99), 98);
	assert_int_equal(hist_percentile(&h, -3), 0);
	assert_int_equal(hist_percentile(&h, 300), 99);
	assert_int_equal(hist_above(&h, 97), 20);
	assert_int_equal(hist_above(&h, 99), 0);
	/* 0 to 99, ten times each: the variance is (100^2 - 1) / 12. */
	assert_true(fabs(hist_stddev(&h) - sqrt(9999 / 12.0)) < 1e-9);
}

/* Percentiles and totals rise to the end, as what reads such files expects. */
static void test_hgrm(void **state)
{
	static struct hist h;
	struct buf b;
	double value, percentile, last = -1, last_value = -1;
	unsigned long long total = 0, rows = 0;
	int n;

	(void)state;
	buf_init(&b, 1 << 20);
	hist_reset(&h);
	srand48(3);
	for (unsigned i = 0; i < SAMPLES; i++)
		hist_record(&h, exponential());
	assert_int_equal(hist_hgrm(&h, 1000, &b), 0);
	assert_int_equal(buf_addc(&b, 0), 0);
	assert_memory_equal(b.data, "       Value     Percentile TotalCount 1/(1-Percentile)\n\n", 57);
	const char *p = b.data + 57;
	while (sscanf(p, "%lf %lf %llu%n", &value, &percentile, &total, &n) == 3) {
		assert_true(percentile > last && value >= last_value);
		last = percentile;
		last_value = value;
		rows++;
		p = strchr(p, '\n') + 1;
	}
	assert_true(last == 1 && rows > 40);
	assert_int_equal(total, SAMPLES);
	assert_true(fabs(last_value - (double)h.max / 1000) < 0.001);
	assert_non_null(strstr(p, "#[Mean    = "));
	assert_non_null(strstr(p, "SubBuckets     =          128]\n"));
	b.len = 0;
	buf_release(&b);
	buf_init(&b, 100);
	assert_int_equal(hist_hgrm(&h, 1000, &b), -1);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percentiles),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_hgrm),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("hist", tests, NULL, NULL);
}
