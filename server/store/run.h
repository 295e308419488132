/* One run: an immutable sorted file of the index, "run-FROM-UPTO.idx". Layout in doc/format.md. Any thread reads, and may wait for the disk; one at a time
 * writes. What answers int: 0, or -1 with errno. */
#ifndef CHAT_STORE_RUN_H
#define CHAT_STORE_RUN_H
#include "server/journal/files.h"
#include "server/store/index.h"

/* Words (u64) of an entry on disk and in memory, by table. */
extern const unsigned index_words[INDEX_TABLES];

struct run {
	uint64_t from, upto;                 /* positions of the journal that it covers */
	const uint64_t *table[INDEX_TABLES]; /* into the mapping */
	uint64_t n[INDEX_TABLES];
	const uint64_t *filter; /* Bloom filter over the keys of INDEX_CLIENT */
	uint64_t filter_words;
	void *map;
	size_t map_len;
	int dir_fd;
	bool doomed; /* its file is removed when it is released: a merged one has taken its place */
};

/* The sorted tables that a run is made of. */
struct run_source {
	uint64_t *words[INDEX_TABLES];
	uint64_t n[INDEX_TABLES];
};
/* Sorts by (key, sub), in place, with scratch of the same size. */
void run_sort(uint64_t *words, uint64_t *scratch, uint64_t n, unsigned width);
void run_name(uint64_t from, uint64_t upto, char out[64]); /* of its file */
int run_write(int dir_fd, uint64_t from, uint64_t upto, const struct run_source *s);
int run_merge(int dir_fd, const struct run *a, const struct run *b); /* a.upto == b.from */
struct run *run_open(int dir_fd, uint64_t from, uint64_t upto);      /* NULL: damaged or unreadable */
void run_free(struct run *r);
int run_verify(const struct run *r); /* reads it all: 0 when every table's checksum fits */

/* The first entry with (key, sub) at or after the one given; n of the table when none. */
uint64_t run_lower(const struct run *r, enum index_table t, uint64_t key, uint64_t sub);
struct index_entry run_entry(const struct run *r, enum index_table t, uint64_t i);
bool run_may_have(const struct run *r, uint64_t client_key);
#endif
