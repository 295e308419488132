/* The data math of a system's size: how many messages a second, how many bytes a day and a year, then partitions, nodes, storage. Pure.
 *
 * The mean rate is the day's messages over 86,400 seconds, whole messages; growth multiplies messages, rate and storage; the peak multiplies the rate alone. What has to be
 * carried is the grown peak; what has to be kept is the grown storage, replicated. */
#ifndef CHAT_BENCH_PLAN_H
#define CHAT_BENCH_PLAN_H
#include "common/base/buf.h"
#include <stdint.h>

struct plan_input {
	double daily;         /* messages a day, today */
	double bytes;         /* of a message as stored */
	double growth;        /* factor */
	double peak;          /* factor of the busiest moment over the mean */
	double per_node;      /* messages a second that a node carries; 0: not known. --measure finds it */
	double per_partition; /* messages a second of one partition of the queue */
	double headroom;      /* share of a node's rate that is planned with, 0 to 1 */
	unsigned replication; /* copies of each message */
	unsigned days;        /* how long messages are kept */
};
extern const struct plan_input plan_defaults; /* daily and bytes are 0: they must be given */

struct plan_rates {
	double daily, mean, peak;     /* messages: a day; a second */
	double day_bytes, year_bytes; /* one copy */
	double peak_bits;             /* a second, into the system, one copy */
};
struct plan {
	struct plan_input in;
	struct plan_rates today, grown;
	double kept_bytes; /* of the grown system: retention and replication */
	unsigned partitions,
		nodes;     /* nodes: 0 when per_node is not known; one more than the load needs, so that one may fail */
	double node_bytes; /* storage a node; 0 as well */
};
void plan_make(const struct plan_input *in, struct plan *out);
/* "10B", "2.5M", "300k" or plain digits: K, M, B are powers of 1,000. 0 or -1. */
int plan_number(const char *text, double *out);
void plan_table(const struct plan *p, struct buf *out);
void plan_json(const struct plan *p, struct buf *out);
void plan_html(const struct plan *p, struct buf *out); /* a page of its own, with plots */
#endif
