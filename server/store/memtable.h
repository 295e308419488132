/* Index entries in memory: for each table a hash of keys, each key's entries in blocks that are linked both ways and double in size, in order of arrival. So
 * looking for a place in a key with many entries steps over whole blocks, and reading on from there is sequential. No lock of its own: index.c has one for
 * the active table, and a sealed one no longer changes. What answers int: 0, or -1 out of memory.
 *
 * A key of this table is the entry's key with the two highest bits of its sub (index_mark_class(), 0 in the other tables): within one, sub rises,
 * INDEX_ONE aside. */
#ifndef CHAT_STORE_MEMTABLE_H
#define CHAT_STORE_MEMTABLE_H
#include "server/store/run.h"

struct mem_slot {
	uint64_t key;
	uint32_t newest; /* its last block, an offset into words; 0: the slot is free */
	uint32_t class;
};
struct mem_table {
	uint64_t *words; /* the blocks: two words of head, then the entries without their key */
	uint32_t used, cap;
	struct mem_slot *slots;
	uint32_t n_slots, keys, n;
};
struct memtable {
	struct mem_table t[INDEX_TABLES];
	uint64_t from, upto; /* what it covers, once sealed */
};
struct memtable *memtable_new(void);
void memtable_free(struct memtable *m);
int memtable_add(struct memtable *m, enum index_table t, const struct index_entry *e);

#define MEM_SUB_MAX (((uint64_t)1 << 62) - 1)
/* Walks the entries of a key with sub <= upto and the class of upto, the last that came first: walk begins as {0}; false at the end. */
struct mem_walk {
	uint32_t block, left; /* entries of the block that are still to come */
	bool begun;
};
bool memtable_back(const struct memtable *m, enum index_table t, uint64_t key, uint64_t upto, struct mem_walk *walk,
	struct index_entry *e);
/* As index_forward(), but cannot fail: the class is that of after + 1. */
uint32_t memtable_forward(const struct memtable *m, enum index_table t, uint64_t key, uint64_t after,
	struct index_entry *out, uint32_t limit);
/* Writes it as a run; m is unchanged. 0 or -1. */
int memtable_write(const struct memtable *m, int dir_fd);
#endif
