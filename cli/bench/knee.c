#include "cli/bench/knee.h"
#include "cli/bench/run.h"

enum { PAIRS = 64, BISECTIONS = 4 };
#define STEP_US UINT64_C(3000000)
#define LEAST 500.0
#define MOST 2000000.0

/* One run at this rate. EXIT_DONE: *good says whether the server carried it. */
static int try_rate(struct cli *c, double rate, bool *good)
{
	static struct scenario s;
	static struct results r;
	struct judged j;

	bench_quick(&s, PAIRS, rate, STEP_US);
	int rc = bench_drive(c, &s, "", &r);
	if (rc)
		return rc;
	results_judge(&r, &j);
	double p99 = (double)hist_percentile(&r.timings[TIMING_E2E], 99);
	*good = j.code == BENCH_OK && p99 <= KNEE_P99_US && r.counts[COUNT_ERR_SHARE] < 0.001;
	cli_note(c, "%.0f/s: %s, end to end p99 %.1f ms%s%s", rate, *good ? "carried" : "too much", p99 / 1000,
		j.code ? "; " : "", j.code ? j.why : "");
	if (j.code == BENCH_INTEGRITY)
		rc = cli_fail(BENCH_INTEGRITY, "%s", j.why);
	else if (r.interrupted && bench_was_interrupted())
		rc = EXIT_INTERRUPTED;
	results_release(&r);
	return rc;
}

int knee_find(struct cli *c, double *rate)
{
	double low = 0, high = LEAST;
	bool good = true;
	int rc = EXIT_DONE;

	for (; rc == EXIT_DONE && good && high <= MOST; high *= 2) {
		rc = try_rate(c, high, &good);
		if (good)
			low = high;
		else
			break;
	}
	for (unsigned i = 0; rc == EXIT_DONE && low > 0 && high <= MOST && i < BISECTIONS; i++) {
		double middle = (low + high) / 2;
		rc = try_rate(c, middle, &good);
		*(good ? &low : &high) = middle;
	}
	*rate = low;
	if (rc == EXIT_DONE && low == 0)
		rc = cli_fail(EXIT_FAILED, "not even %.0f messages a second were carried", LEAST);
	return rc;
}
