/* The message queue: ops go in from any thread, come back durable and in one order. Acknowledged means durable. The rules above it cannot tell what
 * is behind: a journal (queue_journal.c) or memory (queue_memory.c, the template for others). */
#ifndef CHAT_QUEUE_H
#define CHAT_QUEUE_H
#include "server/journal/commit.h"

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
	uint64_t enqueued_us;   /* monotonic; the queue's */
};
struct op_batch *op_batch_new(void);         /* NULL: out of memory */
struct op *op_batch_add(struct op_batch *b); /* a zeroed op, or NULL */
struct str op_batch_copy(
	struct op_batch *b, struct str s); /* a copy that lives as long as the batch; p NULL when out of memory */
char *op_batch_room(struct op_batch *b, size_t n); /* n bytes likewise */
void op_batch_free(struct op_batch *b);

/* Who consumes. Called on the queue's own thread, in order, each commit once, after it is durable. An op that failed comes as an outcome with its err. */
struct queue_sink {
	/* The sink takes over one reference. 0; -1: memory no longer says what is stored, so that no op may follow. */
	int (*consume)(void *ctx, struct commit *c);
	/* The queue can store nothing any more and has stopped: no op will be answered; the server must end. */
	void (*failed)(void *ctx, const char *why);
	void *ctx;
	/* Does one user block the other? Asked on the queue's thread, must not wait. NULL: nobody does. A message to the one who blocks is refused, and
	 * what she does with older ones is hidden from the one who is blocked. */
	bool (*blocks)(void *ctx, uint32_t user, uint32_t whom);
	void *blocks_ctx;
};

enum { QUEUE_BYTES_MAX = 256 << 20 /* what waits to be sequenced */ };

struct queue_depth {
	uint64_t ops, bytes; /* that wait to be sequenced; of those being committed, all that its batches had */
};

struct queue;
struct queue_ops {
	void (*enqueue)(struct queue *q, struct op_batch *b); /* any thread, never blocks; takes b over */
	void (*stop)(struct queue *q); /* commits and delivers what was enqueued, then ends its thread */
	bool (*room)(
		struct queue *q); /* false while more than QUEUE_BYTES_MAX wait: new sends are to be refused, 503 */
	struct queue_depth (*depth)(struct queue *q);
	bool (*ready)(struct queue *q); /* false while there is no space: sends are answered 507 */
	void (*free)(struct queue *q);
};
struct queue {
	const struct queue_ops *ops; /* first in each implementation */
};
void queue_enqueue(struct queue *q, struct op_batch *b);
void queue_stop(struct queue *q);
bool queue_room(struct queue *q);
struct queue_depth queue_depth(struct queue *q);
bool queue_ready(struct queue *q);
void queue_free(struct queue *q);
#endif
