/* The message queue: ops go in from any thread, come back durable and in one order. Acknowledged means durable. The rules above it cannot tell what
 * is behind: a journal (queue_journal.c) or memory (queue_memory.c, the template for others). */
#ifndef CHAT_QUEUE_H
#define CHAT_QUEUE_H
#include "common/base/err.h"
#include "server/journal/record.h"
#include <stdatomic.h>

enum op_type {
	OP_SEND,      /* a message from actor to peer */
	OP_READ,      /* actor read the message `target` from peer, or all up to it */
	OP_DELIVERED, /* the same for "reached the actor"; peer 0: every message to actor at or before target.pos, whoever sent it (the cumulative ack) */
};

struct op {
	enum op_type type;
	uint8_t flags;              /* RECORD_CLIENT_ID_MADE, RECORD_UP_TO, RECORD_KIND_CE2E */
	bool silent;                /* no outcome is wanted */
	uint32_t actor, peer;       /* user numbers, known to exist */
	uint64_t origin;            /* who waits: a conn_ref, or 0 */
	uint64_t token;             /* the waiter's own number (ref), given back */
	uint32_t index;             /* the waiter's own second number (place in an array) */
	struct place target;        /* marks: the message (OP_DELIVERED with peer 0: a cursor's place) */
	uint32_t ordinal;           /* marks with a peer: the message's ordinal */
	struct str client_id, body; /* OP_SEND; point into the batch's bytes */
};

/* What one network thread gathered in a loop turn. Handed over whole; freed by the queue. */
struct op_batch {
	struct op_batch *next; /* the queue's */
	struct op *ops;
	uint32_t n, cap;
	struct op_arena *arena; /* bytes of the slices, freed with the batch */
	size_t bytes;           /* of memory that it takes, about */
};
struct op_batch *op_batch_new(void);         /* NULL: out of memory */
struct op *op_batch_add(struct op_batch *b); /* a zeroed op, or NULL */
struct str op_batch_copy(
	struct op_batch *b, struct str s); /* a copy that lives as long as the batch; p NULL when out of memory */
char *op_batch_room(struct op_batch *b, size_t n); /* n bytes likewise */
void op_batch_free(struct op_batch *b);

/* The answer to one op. */
struct outcome {
	uint64_t origin, token;
	uint32_t index;
	uint32_t actor, peer;
	enum op_type type;
	enum err err;    /* OK: durable */
	bool replayed;   /* a repeated client_id: the record is the first one's */
	struct place at; /* the message's place (OP_SEND); the marked message's (marks) */
	uint32_t record; /* index in the commit's records when this op made it, else RECORD_NONE */
	uint64_t
		time_ms; /* OP_SEND: sent_at. Marks: time of the mark that covers the message (the first one's when it was marked before) */
	uint32_t ordinal;
	uint32_t unread;    /* OP_READ: left in the conversation */
	char client_id[65]; /* OP_SEND: the client_id, NUL-terminated */
};
enum { RECORD_NONE = UINT32_MAX };

/* What one commit made durable: records in order, and the outcomes of the ops in it. Immutable once published and shared by reference, so that
 * network threads write events from the very bytes that were stored. */
struct commit {
	_Atomic uint32_t refs;
	uint64_t base;  /* the first record's position */
	uint8_t *bytes; /* all records, one after the other */
	size_t size;
	uint32_t n_records, n_outcomes;
	struct record *records; /* decoded; slices point into bytes */
	struct outcome *outcomes;
	uint64_t received_us, durable_us; /* monotonic: first op taken up, fdatasync done */
};
struct commit *commit_ref(struct commit *c);
void commit_unref(struct commit *c);

/* Who consumes. Called on the queue's own thread, in order, each commit once, after it is durable. An op that failed comes as an outcome with its err. */
struct queue_sink {
	void (*consume)(void *ctx, struct commit *c); /* the sink takes over one reference */
	/* The queue can store nothing any more and has stopped: no op will be answered; the server must end. */
	void (*failed)(void *ctx, const char *why);
	void *ctx;
};

enum { QUEUE_BYTES_MAX = 256 << 20 /* what waits to be sequenced */ };

struct queue;
struct queue_ops {
	const char *name;
	void (*enqueue)(struct queue *q, struct op_batch *b); /* any thread, never blocks; takes b over */
	void (*stop)(struct queue *q); /* commits and delivers what was enqueued, then ends its thread */
	bool (*room)(
		struct queue *q); /* false while more than QUEUE_BYTES_MAX wait: new sends are to be refused, 503 */
	bool (*ready)(struct queue *q); /* false while there is no space: sends are answered 507 */
	void (*free)(struct queue *q);
};
struct queue {
	const struct queue_ops *ops; /* first in each implementation */
};
void queue_enqueue(struct queue *q, struct op_batch *b);
void queue_stop(struct queue *q);
bool queue_room(struct queue *q);
bool queue_ready(struct queue *q);
void queue_free(struct queue *q);
#endif
