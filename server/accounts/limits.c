#include "server/accounts/limits.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

enum { ROWS = 8192, WAYS = 8, FAILURES = 10, KNOWN = 4 };
enum { PER_PAIR = 10, PER_REQUESTER = 100 /* fetches of keys in an hour */ };
static const uint64_t MINUTE_US = 60000000, HOUR_US = 3600000000, WINDOW_US = 15 * 60000000ull;

struct bucket {
	uint64_t key, at_us; /* last refill */
	double tokens;
};
struct tries {
	uint64_t key, first_us;
	unsigned failures;
	uint64_t known[KNOWN]; /* addresses that logged in to it */
	unsigned next_known;
};
struct limits {
	pthread_mutex_t lock;
	double per_minute;
	uint8_t secret[crypto_shorthash_KEYBYTES];
	struct bucket bucket[ROWS], pair[ROWS], requester[ROWS], sender[ROWS];
	struct tries tries[ROWS];
};

struct limits *limits_new(unsigned per_minute)
{
	struct limits *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->per_minute = per_minute;
	pthread_mutex_init(&l->lock, NULL);
	crypto_shorthash_keygen(l->secret);
	return l;
}

void limits_free(struct limits *l)
{
	if (!l)
		return;
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* Never 0: that marks a free row. */
static uint64_t key_of(const struct limits *l, struct str text)
{
	uint64_t key;

	crypto_shorthash((uint8_t *)&key, (const uint8_t *)text.p, text.n, l->secret);
	return key | 1;
}

/* An address counts by itself, an IPv6 one by its /64: that is what one customer gets (RFC 6177). */
static uint64_t key_of_address(const struct limits *l, const char *address)
{
	struct in6_addr six;

	if (inet_pton(AF_INET6, address, &six) != 1 || IN6_IS_ADDR_V4MAPPED(&six))
		return key_of(l, str_of(address));
	return key_of(l, (struct str){(const char *)&six, 8});
}

static struct bucket *bucket_row(struct bucket table[ROWS], uint64_t key, double full)
{
	struct bucket *set = &table[key / 2 % (ROWS / WAYS) * WAYS], *oldest = set;

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (set[i].at_us < oldest->at_us)
			oldest = &set[i];
	}
	*oldest = (struct bucket){.key = key, .tokens = full};
	return oldest;
}

/* The bucket as it stands now: it fills within `period`. */
static struct bucket *refilled(struct bucket table[ROWS], uint64_t key, double full, uint64_t period, uint64_t mono_us)
{
	struct bucket *b = bucket_row(table, key, full);

	if (b->at_us && mono_us > b->at_us)
		b->tokens += (double)(mono_us - b->at_us) / (double)period * full;
	if (b->tokens > full)
		b->tokens = full;
	b->at_us = mono_us;
	return b;
}

/* Milliseconds until there is a token; 0: there is one. */
static unsigned wait_for(const struct bucket *b, double full, uint64_t period)
{
	return b->tokens >= 1 ? 0 : (unsigned)((1 - b->tokens) / full * (double)period / 1000) + 1;
}

unsigned limits_fetch(struct limits *l, uint32_t requester, uint32_t user, uint64_t mono_us)
{
	uint32_t both[2] = {requester, user};
	uint64_t pair = key_of(l, (struct str){(const char *)both, sizeof both}),
		 one = key_of(l, (struct str){(const char *)both, sizeof both[0]});

	pthread_mutex_lock(&l->lock);
	struct bucket *p = refilled(l->pair, pair, PER_PAIR, HOUR_US, mono_us);
	struct bucket *r = refilled(l->requester, one, PER_REQUESTER, HOUR_US, mono_us);
	unsigned ms = wait_for(p, PER_PAIR, HOUR_US), all_ms = wait_for(r, PER_REQUESTER, HOUR_US);
	if (ms < all_ms)
		ms = all_ms;
	if (ms == 0) {
		p->tokens -= 1;
		r->tokens -= 1;
	}
	pthread_mutex_unlock(&l->lock);
	return ms;
}

unsigned limits_send(struct limits *l, uint32_t user, unsigned n, unsigned per_s, unsigned burst, uint64_t mono_us)
{
	uint64_t key = key_of(l, (struct str){(const char *)&user, sizeof user});
	double need = n < burst ? n : burst; /* a batch larger than the burst takes all there is */

	pthread_mutex_lock(&l->lock);
	struct bucket *b = refilled(l->sender, key, burst, (uint64_t)(burst * 1e6 / per_s), mono_us);
	unsigned ms = b->tokens >= need ? 0 : (unsigned)((need - b->tokens) * 1000 / per_s) + 1;
	if (ms == 0)
		b->tokens -= need;
	pthread_mutex_unlock(&l->lock);
	return ms;
}

bool limits_admit(struct limits *l, const char *address, uint64_t mono_us)
{
	uint64_t key = key_of_address(l, address);

	pthread_mutex_lock(&l->lock);
	struct bucket *b = refilled(l->bucket, key, l->per_minute, MINUTE_US, mono_us);
	bool ok = b->tokens >= 1;
	if (ok)
		b->tokens -= 1;
	pthread_mutex_unlock(&l->lock);
	return ok;
}

static struct tries *tries_row(struct limits *l, uint64_t key, uint64_t mono_us)
{
	struct tries *set = &l->tries[key / 2 % (ROWS / WAYS) * WAYS], *oldest = set;

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (set[i].first_us < oldest->first_us)
			oldest = &set[i];
	}
	*oldest = (struct tries){.key = key, .first_us = mono_us};
	return oldest;
}

bool limits_may_try(struct limits *l, struct str name, const char *address, uint64_t mono_us)
{
	uint64_t key = key_of(l, name), from = key_of_address(l, address);

	pthread_mutex_lock(&l->lock);
	struct tries *t = tries_row(l, key, mono_us);
	if (mono_us - t->first_us > WINDOW_US) {
		t->failures = 0;
		t->first_us = mono_us;
	}
	bool ok = t->failures < FAILURES;
	for (unsigned i = 0; i < KNOWN; i++)
		ok = ok || t->known[i] == from;
	pthread_mutex_unlock(&l->lock);
	return ok;
}

void limits_tried(struct limits *l, struct str name, const char *address, bool ok, uint64_t mono_us)
{
	uint64_t key = key_of(l, name), from = key_of_address(l, address);

	pthread_mutex_lock(&l->lock);
	struct tries *t = tries_row(l, key, mono_us);
	bool known = false;
	for (unsigned i = 0; i < KNOWN; i++)
		known = known || t->known[i] == from;
	if (!ok)
		t->failures++;
	else if (!known && *address)
		t->known[t->next_known++ % KNOWN] = from;
	pthread_mutex_unlock(&l->lock);
}
