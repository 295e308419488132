/* What one commit made durable, and what became of each op in it: written by the queue, stored by the journal, applied by the store, told by
 * the distributor. Immutable once published. */
#ifndef CHAT_JOURNAL_COMMIT_H
#define CHAT_JOURNAL_COMMIT_H
#include "common/base/err.h"
#include "server/journal/record.h"
#include <stdatomic.h>

enum op_type {
	OP_SEND,      /* a message from actor to peer */
	OP_READ,      /* actor read the message `target` from peer, or all up to it */
	OP_DELIVERED, /* the same for "reached the actor"; peer 0: every message to actor at or before target.pos, whoever sent it (the cumulative ack) */
};

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
	uint32_t unread;                         /* OP_READ: left in the conversation */
	char client_id[CLIENT_ID_BYTES_MAX + 1]; /* OP_SEND: the client_id, NUL-terminated */
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
	uint64_t enqueued_us, received_us,
		durable_us; /* monotonic: oldest batch handed over, first op taken up, fdatasync done */
};
struct commit *commit_ref(struct commit *c);
void commit_unref(struct commit *c);
#endif
