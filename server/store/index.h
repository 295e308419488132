/* The index of the journal: sorted tables that answer what back pointers alone cannot (forward paging, deduplication, times of marks). The active segment's
 * entries are in a hash table in memory; a sealed segment's are an immutable sorted file ("run") that is made by a thread in the background and merged with
 * its neighbour so that there are at most INDEX_RUNS of them. A run can always be made again from the journal.
 *
 * The queue's thread adds; any thread looks up. Look-ups in runs go through mmap and may wait for the disk: on a loop thread they have no place. */
#ifndef CHAT_STORE_INDEX_H
#define CHAT_STORE_INDEX_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INDEX_RUNS = 8 };

/* key and sub order a table; val and extra are carried. */
enum index_table {
	INDEX_STREAM, /* user -> position of an event; val: checksum */
	INDEX_CONV,   /* conv_key -> position of a message; val: checksum | ordinal << 32 | direction << 63 */
	INDEX_CLIENT, /* hash of (sender, client_id) -> position; val: checksum | content checksum << 32; extra: time */
	INDEX_UPTO, /* conv_key -> index_mark_class() | ordinal; val: time of the mark that covers all up to that ordinal */
	INDEX_ONE, /* position of a message -> kind of mark; val: time of the mark of that one alone */
	INDEX_TABLES
};
struct index_entry {
	uint64_t key, sub, val, extra;
};

static inline uint64_t index_conv_val(uint32_t crc, uint32_t ordinal, unsigned direction)
{
	return crc | (uint64_t)(ordinal & 0x7fffffff) << 32 | (uint64_t)direction << 63;
}
static inline uint64_t index_mark_class(unsigned direction, bool read)
{
	return (uint64_t)direction << 63 | (uint64_t)read << 62;
}

struct index;
struct index *index_new(int dir_fd); /* the runs' directory: the journal's */
void index_free(struct index *x);

/* Opens the runs that are there, whole, hang together from the journal's beginning and speak of nothing beyond `tail`; removes the others. *upto:
 * what they cover. 0, or -1. */
int index_open(struct index *x, uint64_t tail, uint64_t *upto);
/* Starts the background thread. after_seal is called on it whenever a run was made that ends at `upto`. */
int index_start(struct index *x, void (*after_seal)(void *ctx, uint64_t upto), void *ctx);

/* Queue thread. 0, or -1 out of memory. Entries of one key must come with rising sub, INDEX_ONE aside. */
int index_add(struct index *x, enum index_table t, const struct index_entry *e);
void index_lock(struct index *x); /* around a group of index_add() */
void index_unlock(struct index *x);
/* What was added since the last seal stood in the journal at [from, upto): it becomes a run (at once when the thread is not started). 0 or -1. */
int index_seal(struct index *x, uint64_t from, uint64_t upto);

/* Any thread. Entries of key with sub > after, ascending, at most limit of them: how many. -1 out of memory. */
int index_forward(
	struct index *x, enum index_table t, uint64_t key, uint64_t after, struct index_entry *out, uint32_t limit);
/* INDEX_CLIENT, queue thread: the newest entry of key. */
bool index_client(struct index *x, uint64_t key, struct index_entry *out);
/* The time of the first mark of that class that covers the ordinal; `from`: position of the message. 0: none. */
uint64_t index_mark_time(struct index *x, uint64_t conv, uint64_t mark_class, uint32_t ordinal, uint64_t from);
/* INDEX_CONV: the newest message of the direction at or before pos. */
bool index_last_before(struct index *x, uint64_t conv, unsigned direction, uint64_t pos, struct index_entry *out);
#endif
