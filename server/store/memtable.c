#include "server/store/memtable.h"
#include "common/base/need.h"
#include <stdlib.h>

enum { SLOTS_FIRST = 1 << 14, WORDS_FIRST = 1 << 14, HEAD = 2 /* words */, BLOCK_MAX = 1024 /* entries */ };

struct mem_head {
	uint32_t prev, next; /* blocks of the same key, 0 ends */
	uint32_t n, cap;     /* entries */
};
_Static_assert(sizeof(struct mem_head) == HEAD * sizeof(uint64_t), "a block's head is two words");

static struct mem_head *head_at(const struct mem_table *t, uint32_t block)
{
	return (struct mem_head *)(t->words + block);
}

static uint64_t *entry_at(const struct mem_table *t, unsigned width, uint32_t block, uint32_t i)
{
	return t->words + block + HEAD + (size_t)i * (width - 1);
}

static struct index_entry entry_of(uint64_t key, const uint64_t *w, unsigned width)
{
	return (struct index_entry){key, w[0], w[1], width > 3 ? w[2] : 0};
}

struct memtable *memtable_new(void)
{
	struct memtable *m = need_calloc(1, sizeof *m);

	for (unsigned i = 0; m && i < INDEX_TABLES; i++) {
		m->t[i].n_slots = SLOTS_FIRST;
		m->t[i].used = HEAD; /* offset 0 stands for none */
		m->t[i].slots = need_calloc(SLOTS_FIRST, sizeof *m->t[i].slots);
		if (!m->t[i].slots) {
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
		free(m->t[i].slots);
	}
	free(m);
}

/* The key's slot, or the free one where it belongs. */
static struct mem_slot *slot_of(const struct mem_table *t, uint64_t key, uint32_t class)
{
	uint32_t i = (uint32_t)((key + class) * 0x9e3779b97f4a7c15u >> 32);

	for (;; i++) {
		struct mem_slot *s = &t->slots[i & (t->n_slots - 1)];
		if (!s->newest || (s->key == key && s->class == class))
			return s;
	}
}

static int grow_slots(struct mem_table *t)
{
	struct mem_table old = *t;

	t->n_slots *= 4;
	t->slots = need_calloc(t->n_slots, sizeof *t->slots);
	if (!t->slots) {
		*t = old;
		return -1;
	}
	for (uint32_t i = 0; i < old.n_slots; i++)
		if (old.slots[i].newest)
			*slot_of(t, old.slots[i].key, old.slots[i].class) = old.slots[i];
	free(old.slots);
	return 0;
}

/* A block behind prev (0: the key's first), twice as large. Its offset, or 0. */
static uint32_t add_block(struct mem_table *t, unsigned width, uint32_t prev)
{
	uint32_t n = prev ? head_at(t, prev)->cap * 2 : 1;

	n = n > BLOCK_MAX ? BLOCK_MAX : n;
	uint32_t size = HEAD + n * (width - 1), block = t->used;
	if (size > t->cap - block || !t->cap) {
		uint32_t cap = t->cap ? t->cap * 2 : WORDS_FIRST;
		uint64_t *w = cap > t->cap ? need_realloc(t->words, (size_t)cap * sizeof *w) : NULL;
		if (!w)
			return 0;
		t->words = w;
		t->cap = cap;
	}
	t->used += size;
	*head_at(t, block) = (struct mem_head){.prev = prev, .cap = n};
	if (prev)
		head_at(t, prev)->next = block;
	return block;
}

int memtable_add(struct memtable *m, enum index_table table, const struct index_entry *e)
{
	struct mem_table *t = &m->t[table];
	unsigned width = index_words[table];
	uint32_t class = (uint32_t)(e->sub >> 62);

	if (t->keys >= t->n_slots / 2 && grow_slots(t))
		return -1;
	struct mem_slot *s = slot_of(t, e->key, class);
	uint32_t block = s->newest;
	if (!block || head_at(t, block)->n == head_at(t, block)->cap) {
		block = add_block(t, width, block);
		if (!block)
			return -1;
		t->keys += s->newest == 0;
		*s = (struct mem_slot){.key = e->key, .class = class, .newest = block};
	}
	uint64_t *w = entry_at(t, width, block, head_at(t, block)->n++);
	w[0] = e->sub;
	w[1] = e->val;
	if (width > 3)
		w[2] = e->extra;
	t->n++;
	return 0;
}

/* The last block of the key that begins at or below sub; its first one when none does. 0: there is no such key. */
static uint32_t block_of(const struct mem_table *t, uint64_t key, uint64_t sub)
{
	uint32_t block = slot_of(t, key, (uint32_t)(sub >> 62))->newest;

	while (block && head_at(t, block)->prev && *entry_at(t, 0, block, 0) > sub)
		block = head_at(t, block)->prev;
	return block;
}

bool memtable_back(const struct memtable *m, enum index_table table, uint64_t key, uint64_t upto, struct mem_walk *walk,
	struct index_entry *e)
{
	const struct mem_table *t = &m->t[table];
	unsigned width = index_words[table];

	if (!walk->begun) {
		walk->begun = true;
		walk->block = block_of(t, key, upto);
		walk->left = walk->block ? head_at(t, walk->block)->n : 0;
	}
	while (walk->block) {
		while (walk->left) {
			const uint64_t *w = entry_at(t, width, walk->block, --walk->left);
			if (w[0] > upto)
				continue;
			*e = entry_of(key, w, width);
			return true;
		}
		walk->block = head_at(t, walk->block)->prev;
		walk->left = walk->block ? head_at(t, walk->block)->n : 0;
	}
	return false;
}

/* The first entry of the block with sub > after, or its n. */
static uint32_t first_after(const struct mem_table *t, unsigned width, uint32_t block, uint64_t after)
{
	uint32_t lo = 0, hi = head_at(t, block)->n;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;
		if (*entry_at(t, width, block, mid) > after)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

uint32_t memtable_forward(const struct memtable *m, enum index_table table, uint64_t key, uint64_t after,
	struct index_entry *out, uint32_t limit)
{
	const struct mem_table *t = &m->t[table];
	unsigned width = index_words[table];
	uint32_t block = block_of(t, key, after + 1), n = 0;
	uint32_t i = block ? first_after(t, width, block, after) : 0;

	for (; block; block = head_at(t, block)->next, i = 0)
		for (; i < head_at(t, block)->n; i++) {
			if (n == limit)
				return n;
			out[n++] = entry_of(key, entry_at(t, width, block, i), width);
		}
	return n;
}

/* Puts the entries of one key, n of them, in order: few, and in order already but for INDEX_ONE. */
static void order(uint64_t *words, uint32_t n, unsigned width)
{
	uint64_t held[4];

	for (uint32_t i = 1; i < n; i++)
		for (uint64_t *w = words + (size_t)i * width; w > words && w[1] < w[1 - (int)width]; w -= width) {
			memcpy(held, w, width * sizeof *w);
			memcpy(w, w - width, width * sizeof *w);
			memcpy(w - width, held, width * sizeof *w);
		}
}

static uint64_t *copy_key(const struct mem_table *t, unsigned width, uint64_t key, uint32_t block, uint64_t *out)
{
	uint64_t *begin = out;

	while (head_at(t, block)->prev)
		block = head_at(t, block)->prev;
	for (; block; block = head_at(t, block)->next)
		for (uint32_t i = 0; i < head_at(t, block)->n; i++, out += width) {
			out[0] = key;
			memcpy(out + 1, entry_at(t, width, block, i), (width - 1) * sizeof *out);
		}
	order(begin, (uint32_t)((out - begin) / width), width);
	return out;
}

/* All entries of the table, sorted by key and sub. 0 or -1. */
static int copy_out(const struct mem_table *t, unsigned width, uint64_t *out)
{
	enum { KEY = 2 /* words: the key; its class and newest block */ };
	uint64_t *keys = malloc((size_t)t->keys * 2 * KEY * sizeof *keys + 1), *k = keys;

	if (!keys)
		return -1;
	for (const struct mem_slot *s = t->slots; s < t->slots + t->n_slots; s++)
		if (s->newest) {
			*k++ = s->key;
			*k++ = (uint64_t)s->class << 62 | s->newest;
		}
	run_sort(keys, keys + (size_t)t->keys * KEY, t->keys, KEY);
	for (uint32_t i = 0; i < t->keys; i++)
		out = copy_key(t, width, keys[(size_t)i * KEY], (uint32_t)keys[(size_t)i * KEY + 1], out);
	free(keys);
	return 0;
}

int memtable_write(const struct memtable *m, int dir_fd)
{
	struct run_source s = {0};
	int rc = 0;

	for (unsigned t = 0; t < INDEX_TABLES && rc == 0; t++) {
		s.n[t] = m->t[t].n;
		s.words[t] = malloc((size_t)m->t[t].n * index_words[t] * sizeof(uint64_t) + 1);
		rc = s.words[t] ? copy_out(&m->t[t], index_words[t], s.words[t]) : -1;
	}
	if (rc == 0)
		rc = run_write(dir_fd, m->from, m->upto, &s);
	for (unsigned t = 0; t < INDEX_TABLES; t++)
		free(s.words[t]);
	return rc;
}
