#include "server/accounts/relations.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct pair {
	uint64_t key; /* 0: free */
	uint64_t value;
};

/* Open addressing; a removal moves those behind it up, so that no marks of removed ones are needed. */
struct relations {
	pthread_rwlock_t lock;
	struct pair *pair;
	uint32_t cap;
	_Atomic uint32_t n; /* none: nobody needs the lock */
};

enum { CAP_FIRST = 64 };

static uint64_t key_of(uint32_t user, uint32_t other)
{
	return (uint64_t)user << 32 | other;
}

static uint32_t home_of(const struct relations *r, uint64_t key)
{
	key = (key ^ key >> 32) * 0x9e3779b97f4a7c15u;
	return (uint32_t)(key >> 32) & (r->cap - 1);
}

/* Where it stands, or would stand. */
static uint32_t slot_of(const struct relations *r, uint64_t key)
{
	uint32_t i = home_of(r, key);

	while (r->pair[i].key && r->pair[i].key != key)
		i = (i + 1) & (r->cap - 1);
	return i;
}

struct relations *relations_new(void)
{
	struct relations *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->cap = CAP_FIRST;
	r->pair = calloc(r->cap, sizeof *r->pair);
	if (!r->pair) {
		free(r);
		return NULL;
	}
	pthread_rwlock_init(&r->lock, NULL);
	return r;
}

void relations_free(struct relations *r)
{
	if (!r)
		return;
	pthread_rwlock_destroy(&r->lock);
	free(r->pair);
	free(r);
}

static int grow(struct relations *r)
{
	struct pair *old = r->pair, *more = calloc((size_t)r->cap * 2, sizeof *more);
	uint32_t cap = r->cap;

	if (!more)
		return -1;
	r->pair = more;
	r->cap = cap * 2;
	for (uint32_t i = 0; i < cap; i++)
		if (old[i].key)
			r->pair[slot_of(r, old[i].key)] = old[i];
	free(old);
	return 0;
}

int relations_put(struct relations *r, uint32_t user, uint32_t other, uint64_t value)
{
	uint64_t key = key_of(user, other);
	int rc = 0;

	pthread_rwlock_wrlock(&r->lock);
	if ((r->n + 1) * 2 > r->cap)
		rc = grow(r);
	if (rc == 0) {
		struct pair *p = &r->pair[slot_of(r, key)];
		r->n += p->key == 0;
		*p = (struct pair){key, value};
	}
	pthread_rwlock_unlock(&r->lock);
	return rc;
}

static void remove_at(struct relations *r, uint32_t hole)
{
	uint32_t mask = r->cap - 1;

	for (uint32_t i = (hole + 1) & mask; r->pair[i].key; i = (i + 1) & mask) {
		/* It may move up unless its home lies behind the hole. */
		if (((i - home_of(r, r->pair[i].key)) & mask) < ((i - hole) & mask))
			continue;
		r->pair[hole] = r->pair[i];
		hole = i;
	}
	r->pair[hole].key = 0;
	r->n--;
}

void relations_drop(struct relations *r, uint32_t user, uint32_t other)
{
	pthread_rwlock_wrlock(&r->lock);
	uint32_t i = slot_of(r, key_of(user, other));
	if (r->pair[i].key)
		remove_at(r, i);
	pthread_rwlock_unlock(&r->lock);
}

bool relations_get(struct relations *r, uint32_t user, uint32_t other, uint64_t *value)
{
	if (atomic_load_explicit(&r->n, memory_order_acquire) == 0)
		return false;
	pthread_rwlock_rdlock(&r->lock);
	const struct pair *p = &r->pair[slot_of(r, key_of(user, other))];
	bool found = p->key;
	if (found && value)
		*value = p->value;
	pthread_rwlock_unlock(&r->lock);
	return found;
}
