/* The driver: a scenario made to happen against a server, by one thread and one loop. Who does what when comes from the schedule, what became of each message goes to
 * the ledger, how long things took to the results; nothing waits for an answer before the next is due (open loop). Times in here are nanoseconds of the
 * monotonic clock; latencies in the results are microseconds from the intended moment.
 *
 * What the run does to itself is not held against the server: a message that is intended while the run keeps its sender cut off is due when the sender is
 * back, and none that met such a cut or a slow reader counts in the latencies. Its fate is judged all the same. */
#ifndef CHAT_CLI_BENCH_DRIVE_H
#define CHAT_CLI_BENCH_DRIVE_H
#include "cli/bench/accounts.h"
#include "cli/bench/progress.h"
#include "cli/bench/rest.h"
#include "cli/bench/verdict.h"
#include "cli/bench/ws.h"

enum { RECENT = 1 << 12, TRACKED = 1 << 19, BACKLOG_MAX = 8000000 };

/* A message that somebody received: what lists, reads and marks are about. */
struct recent {
	char id[TOKEN_TEXT_MAX + 1];
	uint32_t user, with;
};
/* When a message was written, by its counter; and whose receipt is to come, by its id. The newest ones: old ones are written over. */
struct written {
	uint32_t counter, after_us; /* the intended moment */
};
struct waited {
	uint64_t id; /* hashed */
	uint64_t intended;
	uint32_t pair;
};

struct drive {
	/* Borrowed. */
	const struct scenario *s;
	const struct accounts *people;
	struct results *r;
	struct pairing *pairs;
	struct ledger *ledger;
	struct payload *payload;
	struct progress progress;

	struct net net;
	struct ws *ws; /* of the first n_ws users */
	unsigned n_ws, live;
	struct rest *rest;
	uint64_t zero;  /* the run's start; 0: not yet */
	double *counts; /* the results' */
	struct schedule schedule;
	struct arrival next;
	bool more; /* next is good */
	unsigned phase;
	enum phase_kind kind;
	uint64_t rng;
	uint64_t backlog;                        /* sends due and not yet written */
	uint64_t arrived, ended_at, rest_tended; /* events of any kind; µs; ns */
	struct ws_handler handler;
	bool overrun;      /* more than BACKLOG_MAX, or the ledger full: the run ends early */
	char refusal[160]; /* the first answer that refused */
	char trouble[160]; /* the first connection that broke */
	uint8_t *used;     /* bits by pair: has messages */
	struct ws **hot;   /* with something due, this turn */
	unsigned n_hot;
	struct recent *recent;
	uint32_t n_recent;
	struct written *written;
	struct waited *waited;
	/* sockets.c */
	uint64_t tended;
	double may_open, to_churn, to_look;
	unsigned looked, fault_at[SCENARIO_FAULTS];
	/* The second under way. */
	struct second now;
	struct hist *second; /* ack, e2e, lag of it */
	uint64_t second_from, second_asleep;
	double busiest;
};

/* Ends the run early: it drains, audits and reports. Twice: at once after taking the accounts away. Set by a signal. */
extern volatile int drive_interrupted;

/* d->s, people, r, pairs, ledger, payload, progress are set. Connects, runs, drains, reads history back, fills in r. 0; -1 with a sentence: it could not even start. */
int drive_run(struct drive *d, const char *url, bool remote_ok, char why[256]);

/* ---- inside the driver ---- */
static inline uint64_t drive_at(const struct drive *d, uint64_t ns) /* microseconds since the start */
{
	return ns <= d->zero ? 0 : (ns - d->zero) / 1000;
}
bool drive_measured(const struct drive *d, uint64_t intended); /* in a ramp or steady phase */
/* One latency, ns, of something intended then. */
void drive_time(struct drive *d, enum timing t, uint64_t intended, uint64_t ns);
void drive_trouble(struct drive *d, const char *why);
uint64_t drive_random(struct drive *d);

/* traffic.c */
extern const struct ws_handler traffic_ws;
extern const struct rest_handler traffic_rest;
void traffic_dispatch(struct drive *d, const struct arrival *a);
void traffic_push(struct drive *d); /* writes what has become due */

/* sockets.c */
void sockets_open(struct drive *d);
bool sockets_all_live(const struct drive *d);
void sockets_tend(struct drive *d);
void socket_down(void *ctx, struct ws *w, const char *why);
void socket_state(void *ctx, struct ws *w);

/* audit.c: reads back the history of each pair that has messages. 0; -1: not all of it could be read. */
int audit_run(struct drive *d);
#endif
