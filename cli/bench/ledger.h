/* What became of each message. One flat table, 16 bytes a message, found by the counter in its payload: 14 million messages are 224 MB, and memory is only
 * touched as the run goes. Three parties write: the thread of the sender (intended, sent, acked), that of the recipient's socket (pushed), and
 * whoever reads history back; what they share is atomic, so none of them locks. The verdict is given once all are done:
 *	LOST     acknowledged, and not in history, or never pushed though the recipient has a socket
 *	DUP      two ids for one payload; twice in history; or twice on a socket without a hello between
 *	REORDER  overtaken in its conversation by a message that was sent later
 *	CORRUPT  wrong checksum; a pair or counter that was never intended; or at a user that is no party to it
 *	UNKNOWN  sent, and neither acknowledged nor refused: not an offence, but at most one copy of it may exist
 * Order is judged only where it was promised: between messages of one pair sent on an ordered connection; one that had to be sent again may have been accepted
 * late, so it may be overtaken. Of an id the last 10 characters are kept (60 bits): enough to tell two apart, and to look it up by. */
#ifndef CHAT_BENCH_LEDGER_H
#define CHAT_BENCH_LEDGER_H
#include "cli/bench/payload.h"
#include "cli/bench/schedule.h"
#include "common/msg.h"
#include <pthread.h>
#include <stdatomic.h>

enum offence { OFFENCE_LOST, OFFENCE_DUP, OFFENCE_REORDER, OFFENCE_CORRUPT, OFFENCE_UNKNOWN, OFFENCES };
extern const char *const offence_words[]; /* "LOST" ... */

struct ledger_entry {
	_Atomic uint64_t id; /* the last 10 characters, packed; 0: none yet */
	uint32_t pair;
	_Atomic uint32_t marks;
};
struct ledger_pair {
	uint32_t pushed;    /* 1 + the greatest ordered counter pushed so far; the recipient's thread alone */
	uint32_t history;   /* 1 + the least judged counter read back so far; the reader alone */
	_Atomic bool whole; /* its history was read back to the end */
};

enum { OFFENDERS_EACH = 20 };
struct offender {
	enum offence kind;
	uint32_t counter, pair;
	uint64_t at; /* intended, microseconds since the run's start */
	char id[TOKEN_TEXT_MAX +
		4]; /* whole where it was at hand, else "..." and its last 10 characters; "" when it never had one */
	char other[TOKEN_TEXT_MAX + 4]; /* DUP: the second id */
	char why[80];
};
struct ledger_verdict {
	uint64_t intended, sent, resent, acked, refused, pushed, replayed;
	uint64_t lost_push, lost_history; /* one message may be both */
	uint64_t offences[OFFENCES];
	uint64_t unread; /* pairs with messages whose history was not read back whole: not judged by it */
	struct offender offenders[OFFENCES * OFFENDERS_EACH]; /* the first ones of each kind */
	unsigned n_offenders;
};
struct ledger {
	const struct pairing *pairs;
	struct ledger_entry *entries;
	struct ledger_pair *by_pair;
	uint32_t max; /* entries */
	_Atomic uint64_t replayed, corrupt;
	pthread_mutex_t lock; /* of what follows: offences are rare */
	struct ledger_verdict found;
};

size_t ledger_bytes(const struct scenario *s);                  /* what ledger_init takes, at most */
int ledger_init(struct ledger *l, const struct pairing *pairs); /* 0; -1 out of memory */
void ledger_release(struct ledger *l);

/* ---- the sender's thread ---- */
/* 0; -1: the table is full (8 standard deviations more than expected): do not send it. */
int ledger_intended(struct ledger *l, uint32_t counter, uint32_t pair);
/* Written to a connection. A second time: sent again. ordered: the connection keeps its order (a WebSocket; not parallel REST calls). */
void ledger_sent(struct ledger *l, uint32_t counter, bool ordered);
void ledger_acked(struct ledger *l, uint32_t counter, struct str id); /* also when the answer says replayed */
void ledger_refused(struct ledger *l, uint32_t counter);              /* a definite no; it will not be sent again */
/* The outcome as far as it is known: has it been acknowledged or refused? */
bool ledger_answered(const struct ledger *l, uint32_t counter);

/* ---- the recipient's thread ---- */
enum push { PUSH_FIRST, PUSH_AGAIN, PUSH_OWN, PUSH_FOREIGN, PUSH_BAD };
/* A message event at the socket of `user`. hello: a number that goes up with each hello of this user. FIRST: *h says whose and since when: count and time it. AGAIN: came
 * again after a hello. OWN: the user's own, sent elsewhere. FOREIGN: of another run or of people. BAD: an offence, noted. */
enum push ledger_pushed(struct ledger *l, uint32_t run, uint32_t user, unsigned hello, struct str id, struct str body,
	struct payload_head *h);

/* ---- whoever reads history back, one pair by one thread ---- */
/* Each message of the conversation, the newest first; those of the other direction and of other runs are passed over. */
void ledger_history(struct ledger *l, uint32_t run, uint32_t pair, struct str id, struct str body);
void ledger_history_whole(struct ledger *l, uint32_t pair); /* all of it was given since the first message of the run */

/* ---- at the end, no other thread at work ---- */
void ledger_judge(struct ledger *l, struct ledger_verdict *out);
/* The client_id of a message: the same for each time it is sent. */
enum { CLIENT_ID_ROOM = 24 };
void ledger_client_id(uint32_t run, uint32_t counter, char out[CLIENT_ID_ROOM]);
#endif
