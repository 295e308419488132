/* A scenario: what a load run is to do, and what it must reach. chat-scenario(5) is the language; this is what a file says once it has been read. Pure.
 * In here durations and times are microseconds, sizes bytes, rates a second, shares 0 to 1. Everything has been checked: a scenario that
 * was parsed can be run. */
#ifndef CHAT_BENCH_SCENARIO_H
#define CHAT_BENCH_SCENARIO_H
#include "cli/bench/metric.h"
#include "common/base/buf.h"

enum {
	SCENARIO_BYTES = 64 * 1024, /* a file's greatest size */
	SCENARIO_NAME = 64,
	SCENARIO_PHASES = 32,
	SCENARIO_FAULTS = 32,
	SCENARIO_THRESHOLDS = 64,
	SCENARIO_USERS = 1000000,
	SCENARIO_CONTACTS = 1000,
	SCENARIO_PAIRS = 20000000, /* users x contacts */
	SCENARIO_PREFIX = 16,      /* so that prefix and 7 digits are a name */
	PAYLOAD_MIN = 32,          /* bytes: the header that makes a message accountable, see payload.h */
	PAYLOAD_MAX = 16384,
};
#define SCENARIO_RATE 10000000.0                      /* greatest rate, a second */
#define SCENARIO_TIME (7 * 86400 * UINT64_C(1000000)) /* greatest duration */
#define SCENARIO_MESSAGES 200000000.0                 /* most sends of a run, see ledger.h */

/* Who writes to whom; schedule.h says exactly how. */
enum pairs { PAIRS_UNIFORM, PAIRS_ZIPF, PAIRS_RING, PAIRS_FAN_IN };
enum payload_kind { PAYLOAD_FIXED, PAYLOAD_LOGNORMAL, PAYLOAD_FILE, PAYLOAD_UNICODE };
enum phase_kind { PHASE_WARMUP, PHASE_RAMP, PHASE_STEADY, PHASE_DRAIN };
enum arrivals { ARRIVALS_POISSON, ARRIVALS_CONSTANT };
enum op { OP_SEND, OP_LIST, OP_READ, OP_MARK, OP_TYPING, OPS };
enum fault_kind { FAULT_DISCONNECT, FAULT_SLOW_READER };
enum compare_op { CMP_LT, CMP_LE, CMP_EQ, CMP_GT, CMP_GE };

/* Words of the language, in the order of the enums. */
extern const char *const pairs_words[], *const phase_words[], *const op_words[], *const fault_words[],
											 *const compare_words[];

struct payload_spec {
	enum payload_kind kind;
	unsigned bytes;     /* PAYLOAD_FIXED; PAYLOAD_UNICODE: about so many */
	double median, p99; /* PAYLOAD_LOGNORMAL; what falls outside PAYLOAD_MIN to PAYLOAD_MAX is set to that end */
	char file[256];     /* PAYLOAD_FILE: its lines, in turn. Relative to the scenario's folder */
};
struct phase {
	enum phase_kind kind;
	uint64_t start, length; /* start: from the start of the run. Of a drain, length is its timeout */
	double from, to;        /* rate at its start and end; 0 in a drain */
	enum arrivals arrivals;
};
struct fault {
	enum fault_kind kind;
	uint64_t at, length; /* from the start of the run, warm-up included */
	double share;        /* of the sockets */
	double rate;         /* FAULT_SLOW_READER: bytes a second that each of them reads */
};
struct threshold {
	struct metric metric;
	enum compare_op op;
	double value; /* microseconds for times, 0 to 1 for shares */
	unsigned line;
	char text[96]; /* as written: "e2e.p99 < 50ms" */
};
struct scenario {
	char name[SCENARIO_NAME + 1];
	uint64_t seed;

	unsigned users;
	char prefix[SCENARIO_PREFIX + 1]; /* user n is prefix and n in decimal */
	enum pairs pairs;
	double zipf;       /* exponent */
	unsigned contacts; /* recipients that each user writes to; 1 in a ring and with fan-in */
	unsigned fan_in;   /* users that receive */

	struct payload_spec payload;

	unsigned ws;         /* the first so many users have a socket, one each; the others use REST alone */
	double connect_rate; /* sockets opened a second */
	double churn;        /* share of the sockets that is closed and opened again, each second */

	struct phase phases[SCENARIO_PHASES]; /* in this order; the last one is a drain */
	unsigned n_phases;
	double mix[OPS]; /* adds up to 1. Rates are those of all ops together */
	double send_ws;  /* share of the sends that go by WebSocket, by users that have one */
	struct fault faults[SCENARIO_FAULTS];
	unsigned n_faults;
	struct threshold thresholds[SCENARIO_THRESHOLDS];
	unsigned n_thresholds;
};

/* Where and why a file is refused. line and column count from 1, column in characters. */
struct scenario_error {
	unsigned line, column;
	char why[200];  /* what was expected, and what stands there */
	char text[161]; /* the offending line, made safe to show and cut */
	unsigned caret; /* column in `text` under which the caret goes */
};
/* 0; -1 with *e filled in. A file says what differs from the defaults of scenario_defaults() and at least one phase with a rate. */
int scenario_parse(struct str text, struct scenario *s, struct scenario_error *e);
void scenario_defaults(struct scenario *s);
/* FILE:LINE:COLUMN: why, the line, a caret: what people see on stderr. */
int scenario_explain(const struct scenario_error *e, const char *file, struct buf *out);
/* Writes a scenario that parses to the same. 0, or -1 when the buffer is full. */
int scenario_write(const struct scenario *s, struct buf *out);
/* Where the drain ends at the latest. */
uint64_t scenario_length(const struct scenario *s);
/* Sends to be expected in the whole run, by the mix. */
double scenario_sends(const struct scenario *s);
unsigned scenario_pairs(const struct scenario *s);

/* What validate warns of: a sentence each. */
enum { SCENARIO_WARNINGS = 16 };
struct scenario_warnings {
	unsigned n;
	char text[SCENARIO_WARNINGS][200];
};
void scenario_warn(const struct scenario *s, struct scenario_warnings *w);
#endif
