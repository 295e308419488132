/* The sequencer turns ops into records: it gives each its place, its back pointers and its number, recognises repeated client_ids and marks made
 * before, and writes the record's bytes. Nothing it says is true before the commit is durable; until then it keeps what a batch changes in an overlay
 * over the heads, so that a batch that could not be stored is forgotten by dropping the overlay. Pure but for the look-ups in its source. One thread: the queue's. */
#ifndef CHAT_QUEUE_SEQUENCER_H
#define CHAT_QUEUE_SEQUENCER_H
#include "server/queue/queue.h"
#include "server/store/heads.h"
#include "server/store/index.h"

/* Where it looks things up. */
struct sequencer_source {
	struct heads *heads;
	void *ctx;
	bool (*client)(void *ctx, uint64_t key, struct index_entry *out); /* as index_client() */
	bool (*last_before)(void *ctx, uint64_t conv, unsigned direction, uint64_t pos, struct index_entry *out);
	uint64_t (*mark_time)(void *ctx, uint64_t conv, uint64_t mark_class, uint32_t ordinal, uint64_t from);
	const struct token_key *key;
};

struct sequencer;
struct sequencer *sequencer_new(const struct sequencer_source *src);
void sequencer_free(struct sequencer *s);

/* Begins a batch whose first record will stand at base. 0, or -1 out of memory. */
int sequencer_begin(struct sequencer *s, uint64_t base);
/* Takes one op into the batch. An op that fails has its outcome written, too. */
void sequencer_add(struct sequencer *s, const struct op *op, uint64_t now_ms);
size_t sequencer_bytes(const struct sequencer *s); /* bytes of records so far */
/* Ends the batch: the records and outcomes as a commit with one reference (NULL: out of memory; all is dropped). */
struct commit *sequencer_end(struct sequencer *s, uint64_t now_ms);

/* The key of a sender's client_id in INDEX_CLIENT, and the checksum of a message's content that is kept with it. */
uint64_t client_key(const struct token_key *k, uint32_t sender, struct str client_id);
uint32_t content_crc(uint32_t recipient, uint8_t flags, struct str body);
#endif
