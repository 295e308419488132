/* The results directory of a run. Written once, by temporary files and rename; read back to compare runs and to make the report again:
 *	run.scenario      what was run
 *	summary.json      verdict, thresholds, counts, statistics of the timings, offenders
 *	histograms.csv    timing, greatest value of the step (microseconds), count: the whole histograms
 *	NAME.hgrm         HdrHistogram percentile file of each timing (milliseconds)
 *	series.csv        one line a second
 *	environment.json  what it ran on, against what
 *	report.html       all of it to look at; nothing is loaded from elsewhere
 *	junit.xml         a test case for integrity, the generator, and each threshold
 * Only this file and results_file.c touch the disk. */
#ifndef CHAT_BENCH_REPORT_H
#define CHAT_BENCH_REPORT_H
#include "cli/bench/verdict.h"

struct environment {
	char cpu[96], kernel[96], client[48], server[96], url[160], command[512], started[32];
	unsigned cores;
	uint64_t memory; /* bytes */
};
/* What this machine says of itself; server, url and command are the caller's to fill in. */
void environment_fill(struct environment *e);

/* Makes the directory (not its parents) if it is not there, and writes all. 0; -1 with a sentence in why. */
int report_write(const char *dir, const struct results *r, const struct environment *e, char why[256]);
/* Only report.html and junit.xml. */
int report_render(const char *dir, const struct results *r, const struct environment *e, char why[256]);
/* Reads a directory; *s holds the scenario that r points to. 0 (release r); -1 with a sentence in why. */
int report_load(const char *dir, struct scenario *s, struct results *r, struct environment *e, char why[256]);

/* ---- pure ---- */
int report_html(const struct results *r, const struct environment *e, struct buf *out);
int report_junit(const struct results *r, struct buf *out);
int report_series(const struct results *r, struct buf *out);
int report_text(const struct results *r, struct buf *out); /* for a terminal: verdict, thresholds, timings, offenders */
#endif
