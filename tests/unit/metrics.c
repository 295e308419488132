/* Histograms: percentiles against sorted samples, bounds, the text format's buckets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "server/ops/metrics.h"
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct metrics m;

static int up(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Never below the true value, and at most an eighth above it. */
static void test_percentiles(void **state)
{
	enum { N = 20000 };
	static const double shares[] = {0, .01, .25, .5, .9, .99, .999, .9999};
	static uint64_t sample[N];
	uint32_t seed = 1;

	(void)state;
	for (unsigned shift = 0; shift < 28; shift += 4) {
		memset(&m, 0, sizeof m);
		for (int i = 0; i < N; i++) {
			seed = seed * 1664525u + 1013904223u;
			sample[i] = (uint64_t)(seed >> 4) >> (seed % 24) >> (27 - shift);
			metric_time(&m, METRIC_COMMIT_TIME, sample[i]);
		}
		qsort(sample, N, sizeof *sample, up);
		for (unsigned s = 0; s < sizeof shares / sizeof *shares; s++) {
			uint64_t want = sample[(size_t)(N * shares[s])];
			uint64_t got = metric_percentile(&m, METRIC_COMMIT_TIME, shares[s]);
			assert_true(got >= want);
			assert_true(got <= want + want / 8 + 1);
		}
		assert_int_equal(metric_percentile(&m, METRIC_COMMIT_TIME, 1), sample[N - 1]);
	}
}

static void test_edges(void **state)
{
	(void)state;
	memset(&m, 0, sizeof m);
	assert_int_equal(metric_percentile(&m, METRIC_PUSH_TIME, .5), 0);
	metric_time(&m, METRIC_PUSH_TIME, 0);
	assert_int_equal(metric_percentile(&m, METRIC_PUSH_TIME, 1), 0);
	metric_time(&m, METRIC_PUSH_TIME, UINT64_MAX);
	assert_true(metric_percentile(&m, METRIC_PUSH_TIME, .99) >= UINT32_MAX);
	assert_int_equal(metric_percentile(&m, METRIC_PUSH_TIME, 0), 1);
}

/* A value that is a bound counts as up to it, one more does not. */
static void test_prometheus(void **state)
{
	struct buf b;

	(void)state;
	memset(&m, 0, sizeof m);
	metric_time(&m, METRIC_PUSH_TIME, 64);
	metric_time(&m, METRIC_PUSH_TIME, 65);
	metric_time(&m, METRIC_PUSH_TIME, 100000000);
	metric_answer(&m, 404, ERR_NOT_FOUND);
	metric_answer(&m, 404, ERR_NOT_FOUND);
	metric_answer(&m, 99999, ERR_OK);
	buf_init(&b, 1 << 20);
	metrics_write(&m, &b);
	buf_addc(&b, 0);
	assert_false(b.failed);
	assert_non_null(strstr(b.data, "chat_push_seconds_bucket{le=\"0.000064\"} 1\n"));
	assert_non_null(strstr(b.data, "chat_push_seconds_bucket{le=\"0.000128\"} 2\n"));
	assert_non_null(strstr(b.data, "chat_push_seconds_bucket{le=\"8.388608\"} 2\n"));
	assert_non_null(strstr(b.data, "chat_push_seconds_bucket{le=\"+Inf\"} 3\n"));
	assert_non_null(strstr(b.data, "chat_push_seconds_sum 100.000129\nchat_push_seconds_count 3\n"));
	assert_non_null(strstr(b.data, "chat_http_answers_total{code=\"404\"} 2\n"));
	assert_non_null(strstr(b.data, "chat_refusals_total{code=\"not-found\"} 2\n"));
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percentiles),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_prometheus),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
