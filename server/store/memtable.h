/* Index entries in memory: for each table an array in order of arrival and a hash of chains through it, newest first. No lock of
 * its own: index.c has one for the active table, and a sealed one no longer changes. What answers int: 0, or -1 out of memory. */
#ifndef CHAT_STORE_MEMTABLE_H
#define CHAT_STORE_MEMTABLE_H
#include "server/store/run.h"

struct mem_table {
	uint64_t *words;
	uint32_t *next;   /* of entry i: 1 + the entry of the same bucket before it; 0: none */
	uint32_t *bucket; /* 1 + newest entry; 0: none */
	uint32_t n, cap, buckets;
};
struct memtable {
	struct mem_table t[INDEX_TABLES];
	uint64_t from, upto; /* what it covers, once sealed */
};
struct memtable *memtable_new(void);
void memtable_free(struct memtable *m);
int memtable_add(struct memtable *m, enum index_table t, const struct index_entry *e);
/* Walks the entries of a key, newest first: `it` begins at 0; false at the end. */
bool memtable_next(const struct memtable *m, enum index_table t, uint64_t key, uint32_t *it, struct index_entry *e);
/* As index_forward(), but cannot fail. */
uint32_t memtable_forward(const struct memtable *m, enum index_table t, uint64_t key, uint64_t after,
	struct index_entry *out, uint32_t limit);
/* Writes it as a run; m is unchanged. 0 or -1. */
int memtable_write(const struct memtable *m, int dir_fd);
#endif
