/* When what is to happen: the whole run is a function of the scenario and its seed. Each thread walks all of it and keeps what its users do, so the same
 * happens with any number of threads, and none waits for another. A step costs some 50 ns.
 *
 * Times: a phase's rate is integrated and the integral inverted, so a ramp is exact; poisson adds gaps drawn from an exponential distribution, constant adds 1.
 * Pairs: user u writes to u + offset[k] (modulo the users) for its contacts k: the offsets are drawn once, all different, so that every user receives from as
 * many as it sends to. zipf takes contact k in proportion to 1 / (k + 1)^exponent, uniform takes all alike; ring: the next user; fan-in N: the
 * users from N on send to user u % N. */
#ifndef CHAT_BENCH_SCHEDULE_H
#define CHAT_BENCH_SCHEDULE_H
#include "cli/bench/scenario.h"

/* Who writes to whom. Read only once made: threads share it. */
struct pairing {
	const struct scenario *s;
	uint32_t *offsets; /* one a contact */
	double *up_to;     /* share of the contacts up to this one */
};
int pairing_init(struct pairing *p, const struct scenario *s); /* 0; -1 out of memory */
void pairing_release(struct pairing *p);
static inline uint32_t pair_sender(const struct pairing *p, uint32_t pair)
{
	return pair / p->s->contacts;
}
uint32_t pair_recipient(const struct pairing *p, uint32_t pair);
/* name: prefix and number. */
void user_name(const struct scenario *s, uint32_t user, char out[SCENARIO_PREFIX + 12]);

struct arrival {
	uint64_t at; /* intended moment, microseconds since the start of the run */
	enum op op;
	unsigned phase;
	uint32_t user;      /* who does it */
	bool by_ws;         /* a send: by WebSocket, else by REST */
	uint32_t pair;      /* send and typing: from user to whom */
	uint32_t recipient; /* of that */
	uint32_t counter;   /* send: its number in the whole run, from 0; the same pair's rise */
};
struct schedule {
	const struct scenario *s;
	const struct pairing *pairs;
	unsigned shard, shards; /* gives what users with user % shards == shard do */
	uint64_t n;             /* arrivals so far, of all shards */
	uint32_t sends;         /* sends so far, of all shards */
	unsigned phase;
	double due, before; /* integral of the rate: at the next arrival, and at the start of the phase */
};
void schedule_init(struct schedule *c, const struct pairing *pairs, unsigned shard, unsigned shards);
/* The next one of this shard, in order of time. false: there is none any more. */
bool schedule_next(struct schedule *c, struct arrival *out);
/* The send with this counter, by walking there. false: there is none. */
bool schedule_find(const struct pairing *pairs, uint32_t counter, struct arrival *out);
/* What the scenario's rate is at a moment of the run, a second. */
double schedule_rate(const struct scenario *s, uint64_t at);
#endif
