#include "server/presence/presence.h"
#include <pthread.h>
#include <stdlib.h>

struct entry {
	uint32_t user;      /* 0: free */
	uint8_t n, sockets; /* the first `sockets` of the n are sockets */
	conn_ref *to;       /* PRESENCE_PER_USER at most; NULL while n is 0 */
	uint64_t last_seen_ms;
};

/* A shard is an open-addressing table under one lock; entries stay, for last_seen. */
struct shard {
	pthread_mutex_t lock;
	struct entry *entry;
	uint32_t cap, n;
};

enum { SHARDS = 64 };
struct presence {
	struct shard shard[SHARDS];
};

struct presence *presence_new(void)
{
	struct presence *p = calloc(1, sizeof *p);

	for (unsigned i = 0; p && i < SHARDS; i++)
		pthread_mutex_init(&p->shard[i].lock, NULL);
	return p;
}

void presence_free(struct presence *p)
{
	for (unsigned i = 0; p && i < SHARDS; i++) {
		struct shard *s = &p->shard[i];
		for (uint32_t k = 0; k < s->cap; k++)
			free(s->entry[k].to);
		free(s->entry);
		pthread_mutex_destroy(&s->lock);
	}
	free(p);
}

static struct shard *shard_of(struct presence *p, uint32_t user)
{
	return &p->shard[user % SHARDS];
}

static struct entry *slot_of(struct shard *s, uint32_t user)
{
	uint32_t i = (user / SHARDS * 2654435769u) & (s->cap - 1);

	while (s->entry[i].user && s->entry[i].user != user)
		i = (i + 1) & (s->cap - 1);
	return &s->entry[i];
}

static struct entry *find(struct shard *s, uint32_t user)
{
	struct entry *e = s->cap ? slot_of(s, user) : NULL;

	return e && e->user ? e : NULL;
}

static int grow(struct shard *s)
{
	struct shard old = *s;

	s->cap = old.cap ? old.cap * 2 : 16;
	s->entry = calloc(s->cap, sizeof *s->entry);
	if (!s->entry) {
		s->entry = old.entry;
		s->cap = old.cap;
		return -1;
	}
	for (uint32_t i = 0; i < old.cap; i++)
		if (old.entry[i].user)
			*slot_of(s, old.entry[i].user) = old.entry[i];
	free(old.entry);
	return 0;
}

static struct entry *make(struct shard *s, uint32_t user)
{
	struct entry *e = find(s, user);

	if (e)
		return e;
	if ((s->n + 1) * 4 > s->cap * 3 && grow(s))
		return NULL;
	e = slot_of(s, user);
	e->user = user;
	s->n++;
	return e;
}

static int add_to(struct entry *e, conn_ref c, enum presence_kind kind)
{
	if (e->n == PRESENCE_PER_USER)
		return -1;
	/* Powers of two, from one: most users have one connection. */
	if ((e->n & (e->n - 1)) == 0) {
		conn_ref *p = realloc(e->to, (e->n ? e->n * 2u : 1u) * sizeof *p);
		if (!p)
			return -2;
		e->to = p;
	}
	e->to[e->n] = c;
	if (kind == PRESENCE_SOCKET) {
		e->to[e->n] = e->to[e->sockets];
		e->to[e->sockets++] = c;
	}
	e->n++;
	return 0;
}

int presence_add(struct presence *p, uint32_t user, conn_ref c, enum presence_kind kind)
{
	struct shard *s = shard_of(p, user);

	pthread_mutex_lock(&s->lock);
	struct entry *e = make(s, user);
	int rc = e ? add_to(e, c, kind) : -2;
	pthread_mutex_unlock(&s->lock);
	return rc;
}

static void remove_at(struct entry *e, unsigned i, uint64_t now_ms)
{
	if (i < e->sockets) {
		e->to[i] = e->to[--e->sockets];
		i = e->sockets;
		e->last_seen_ms = now_ms;
	}
	e->to[i] = e->to[--e->n];
	if (e->n == 0) {
		free(e->to);
		e->to = NULL;
	}
}

void presence_remove(struct presence *p, uint32_t user, conn_ref c, uint64_t now_ms)
{
	struct shard *s = shard_of(p, user);

	pthread_mutex_lock(&s->lock);
	struct entry *e = find(s, user);
	for (unsigned i = 0; e && i < e->n; i++)
		if (e->to[i] == c) {
			remove_at(e, i, now_ms);
			break;
		}
	pthread_mutex_unlock(&s->lock);
}

unsigned presence_find(struct presence *p, uint32_t user, conn_ref out[PRESENCE_PER_USER])
{
	struct shard *s = shard_of(p, user);

	pthread_mutex_lock(&s->lock);
	struct entry *e = find(s, user);
	unsigned n = e ? e->n : 0;
	if (n)
		memcpy(out, e->to, n * sizeof *out);
	pthread_mutex_unlock(&s->lock);
	return n;
}

bool presence_online(struct presence *p, uint32_t user)
{
	struct shard *s = shard_of(p, user);

	pthread_mutex_lock(&s->lock);
	struct entry *e = find(s, user);
	bool online = e && e->sockets;
	pthread_mutex_unlock(&s->lock);
	return online;
}

uint64_t presence_last_seen(struct presence *p, uint32_t user)
{
	struct shard *s = shard_of(p, user);

	pthread_mutex_lock(&s->lock);
	struct entry *e = find(s, user);
	uint64_t ms = e ? e->last_seen_ms : 0;
	pthread_mutex_unlock(&s->lock);
	return ms;
}
