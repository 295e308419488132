/* The sequencer turns ops into records: it gives each its place, its back pointers and its number, recognises repeated client_ids and marks made
 * before, and writes the record's bytes. Nothing it says is true before the commit is durable; until then it keeps what a batch changes in an overlay
 * over the heads, so that a batch that could not be stored is forgotten by dropping the overlay. Pure but for the look-ups in its source. One thread: the queue's. */
#ifndef CHAT_QUEUE_SEQUENCER_H
#define CHAT_QUEUE_SEQUENCER_H
#include "server/queue/queue.h"
#include "server/store/source.h"

struct sequencer;
struct sequencer *sequencer_new(const struct sequencer_source *src);
void sequencer_free(struct sequencer *s);

/* Begins a batch whose first record will stand at base. */
void sequencer_begin(struct sequencer *s, uint64_t base);
/* Takes one op into the batch. An op that fails has its outcome written, too. */
void sequencer_add(struct sequencer *s, const struct op *op, uint64_t now_ms);
size_t sequencer_bytes(const struct sequencer *s); /* bytes of records so far */
/* Ends the batch: the records and outcomes as a commit with one reference (NULL: out of memory; all is dropped). */
struct commit *sequencer_end(struct sequencer *s, uint64_t now_ms);
#endif
