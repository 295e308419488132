/* A log-linear histogram, as HdrHistogram's: values below 128 exactly, from there on 128 steps an octave, so that what is read back is at most 1/128 (0.8 %)
 * above what was recorded. Values are whole microseconds by custom, up to HIST_TOP (71 minutes); what is longer counts in the last step, and only max knows it.
 * 27 KiB, no allocation: one a thread and a thing measured, merged by whoever reports. Zeroed memory is an empty one. Pure; not locked. */
#ifndef CHAT_HIST_H
#define CHAT_HIST_H
#include "common/base/buf.h"

enum {
	HIST_BITS = 7,
	HIST_STEPS = 1 << HIST_BITS,
	HIST_OCTAVES = 32 - HIST_BITS,
	HIST_BUCKETS = HIST_STEPS * (HIST_OCTAVES + 1)
};
#define HIST_TOP UINT32_MAX

struct hist {
	uint64_t count, max, min; /* min is good when count is not 0 */
	double sum, squares;
	uint64_t buckets[HIST_BUCKETS];
};

void hist_add(struct hist *h, uint64_t value, uint64_t times);
static inline void hist_record(struct hist *h, uint64_t value)
{
	hist_add(h, value, 1);
}
void hist_merge(struct hist *into, const struct hist *from);
void hist_reset(struct hist *h);
/* The least value that `percent` (0 to 100) of all recorded ones do not pass: exact below 128, else at most 0.8 % too high, never above max. 0 when
 * empty. */
uint64_t hist_percentile(const struct hist *h, double percent);
double hist_mean(const struct hist *h); /* exact */
double hist_stddev(const struct hist *h);
uint64_t hist_above(const struct hist *h, uint64_t value); /* how many are above its step */
/* A histogram's steps, for what draws or stores it: the greatest value that counts in step i. */
uint64_t hist_step_top(unsigned i);
/* Appends the percentile distribution as HdrHistogram's tools write and plot it (.hgrm): value / scale, percentile, total count, 1/(1-percentile), 5 rows
 * each time that the distance to 100 % halves. 0, or -1 when the buffer is full. */
int hist_hgrm(const struct hist *h, double scale, struct buf *out);
#endif
