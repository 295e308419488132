#include "server/store/memtable.h"
#include "common/base/need.h"
#include <stdlib.h>

enum { BUCKETS_FIRST = 1 << 14, CAP_FIRST = 1 << 12, LOAD = 4 };

static uint32_t bucket_of(const struct mem_table *t, uint64_t key)
{
	key *= 0x9e3779b97f4a7c15u;
	return (uint32_t)(key >> 32) & (t->buckets - 1);
}

struct memtable *memtable_new(void)
{
	struct memtable *m = need_calloc(1, sizeof *m);

	for (unsigned i = 0; m && i < INDEX_TABLES; i++) {
		m->t[i].buckets = BUCKETS_FIRST;
		m->t[i].bucket = need_calloc(BUCKETS_FIRST, sizeof *m->t[i].bucket);
		if (!m->t[i].bucket) {
			memtable_free(m);
			return NULL;
		}
	}
	return m;
}

void memtable_free(struct memtable *m)
{
	for (unsigned i = 0; m && i < INDEX_TABLES; i++) {
		free(m->t[i].words);
		free(m->t[i].next);
		free(m->t[i].bucket);
	}
	free(m);
}

static int grow_entries(struct mem_table *t, unsigned width)
{
	uint32_t cap = t->cap ? t->cap * 2 : CAP_FIRST;
	uint64_t *w = need_realloc(t->words, (size_t)cap * width * sizeof *w);

	if (!w)
		return -1;
	t->words = w;
	uint32_t *n = need_realloc(t->next, cap * sizeof *n);
	if (!n)
		return -1;
	t->next = n;
	t->cap = cap;
	return 0;
}

static void link_entry(struct mem_table *t, uint32_t i, uint64_t key)
{
	uint32_t b = bucket_of(t, key);

	t->next[i] = t->bucket[b];
	t->bucket[b] = i + 1;
}

static void grow_buckets(struct mem_table *t, unsigned width)
{
	uint32_t *b = calloc((size_t)t->buckets * LOAD, sizeof *b);

	if (!b)
		return; /* longer chains do no harm but time */
	free(t->bucket);
	t->bucket = b;
	t->buckets *= LOAD;
	for (uint32_t i = 0; i < t->n; i++)
		link_entry(t, i, t->words[(size_t)i * width]);
}

int memtable_add(struct memtable *m, enum index_table table, const struct index_entry *e)
{
	struct mem_table *t = &m->t[table];
	unsigned width = index_words[table];

	if (t->n == t->cap && grow_entries(t, width))
		return -1;
	if (t->n >= t->buckets * LOAD)
		grow_buckets(t, width);
	memcpy(t->words + (size_t)t->n * width, e, width * sizeof(uint64_t));
	link_entry(t, t->n++, e->key);
	return 0;
}

bool memtable_next(const struct memtable *m, enum index_table table, uint64_t key, uint32_t *it, struct index_entry *e)
{
	const struct mem_table *t = &m->t[table];
	unsigned width = index_words[table];

	for (uint32_t i = *it ? t->next[*it - 1] : t->bucket[bucket_of(t, key)]; i; i = t->next[i - 1]) {
		const uint64_t *w = t->words + (size_t)(i - 1) * width;
		if (w[0] != key)
			continue;
		*e = (struct index_entry){w[0], w[1], w[2], width > 3 ? w[3] : 0};
		*it = i;
		return true;
	}
	return false;
}

static void reverse(struct index_entry *e, uint32_t n)
{
	for (uint32_t i = 0; i < n / 2; i++) {
		struct index_entry t = e[i];
		e[i] = e[n - 1 - i];
		e[n - 1 - i] = t;
	}
}

uint32_t memtable_forward(const struct memtable *m, enum index_table t, uint64_t key, uint64_t after,
	struct index_entry *out, uint32_t limit)
{
	uint32_t it = 0, seen = 0;
	struct index_entry e;

	/* Newest first is how they come; out is a ring in which the oldest `limit` survive. */
	while (memtable_next(m, t, key, &it, &e) && e.sub > after)
		out[seen++ % limit] = e;
	/* The oldest stands before the ring's seam, the newest that is left right behind it. */
	uint32_t seam = seen % limit;
	reverse(out, seam);
	if (seen < limit)
		return seen;
	reverse(out + seam, limit - seam);
	return limit;
}

int memtable_write(const struct memtable *m, int dir_fd)
{
	struct run_source s = {0};
	int rc = 0;

	for (unsigned t = 0; t < INDEX_TABLES && rc == 0; t++) {
		size_t size = (size_t)m->t[t].n * index_words[t] * sizeof(uint64_t);
		uint64_t *scratch = malloc(size + 1);
		s.words[t] = malloc(size + 1);
		if (scratch && s.words[t]) {
			if (size)
				memcpy(s.words[t], m->t[t].words, size);
			s.n[t] = m->t[t].n;
			run_sort(s.words[t], scratch, s.n[t], index_words[t]);
		} else {
			rc = -1;
		}
		free(scratch);
	}
	if (rc == 0)
		rc = run_write(dir_fd, m->from, m->upto, &s);
	for (unsigned t = 0; t < INDEX_TABLES; t++)
		free(s.words[t]);
	return rc;
}
