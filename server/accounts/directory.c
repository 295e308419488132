#include "server/accounts/directory.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct name {
	_Atomic uint8_t flags; /* enum user_flag */
	uint8_t len;
	char text[USER_MAX + 1];
};

enum { CHUNK_BITS = 12, CHUNK = 1 << CHUNK_BITS, CHUNKS = 1 << 16 /* 268 million users */ };

struct directory {
	pthread_rwlock_t lock;
	struct name *_Atomic *_Atomic *chunk; /* names by number: written once each, read without a lock */
	uint32_t *by_name;                    /* open addressing: numbers; 0: free */
	uint32_t name_cap, names;
	struct session_row **by_token, **by_device;
	uint32_t session_cap, sessions;
};

struct directory *directory_new(void)
{
	struct directory *d = calloc(1, sizeof *d);

	if (!d)
		return NULL;
	pthread_rwlock_init(&d->lock, NULL);
	d->name_cap = d->session_cap = 1024;
	d->chunk = calloc(CHUNKS, sizeof *d->chunk);
	d->by_name = calloc(d->name_cap, sizeof *d->by_name);
	d->by_token = calloc(d->session_cap, sizeof *d->by_token);
	d->by_device = calloc(d->session_cap, sizeof *d->by_device);
	if (!d->chunk || !d->by_name || !d->by_token || !d->by_device) {
		directory_free(d);
		return NULL;
	}
	return d;
}

void directory_free(struct directory *d)
{
	if (!d)
		return;
	for (uint32_t i = 0; d->chunk && i < CHUNKS && d->chunk[i]; i++) {
		for (uint32_t k = 0; k < CHUNK; k++)
			free(d->chunk[i][k]);
		free(d->chunk[i]);
	}
	for (uint32_t i = 0; d->by_token && i < d->session_cap; i++)
		while (d->by_token[i]) {
			struct session_row *next = d->by_token[i]->next_token;
			free(d->by_token[i]);
			d->by_token[i] = next;
		}
	free(d->chunk);
	free(d->by_name);
	free(d->by_token);
	free(d->by_device);
	pthread_rwlock_destroy(&d->lock);
	free(d);
}

/* FNV-1a: names are short and not secret. */
static uint32_t text_hash(const char *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)p[i]) * 0x100000001b3u;
	return (uint32_t)(h ^ h >> 32);
}

static struct name *name_of(struct directory *d, uint32_t number)
{
	if (number >> CHUNK_BITS >= CHUNKS)
		return NULL;
	struct name *_Atomic *c = atomic_load_explicit(&d->chunk[number >> CHUNK_BITS], memory_order_acquire);
	return c ? atomic_load_explicit(&c[number & (CHUNK - 1)], memory_order_acquire) : NULL;
}

struct str directory_name(struct directory *d, uint32_t number)
{
	const struct name *n = name_of(d, number);

	return n ? (struct str){n->text, n->len} : (struct str){"", 0};
}

unsigned directory_flags(struct directory *d, uint32_t number)
{
	struct name *n = name_of(d, number);

	return n ? atomic_load_explicit(&n->flags, memory_order_acquire) : 0;
}

void directory_flag(struct directory *d, uint32_t number, enum user_flag flag, bool on)
{
	struct name *n = name_of(d, number);

	if (n && on)
		atomic_fetch_or_explicit(&n->flags, (uint8_t)flag, memory_order_release);
	else if (n)
		atomic_fetch_and_explicit(&n->flags, (uint8_t)~flag, memory_order_release);
}

static uint32_t *name_slot_of(struct directory *d, struct str name)
{
	uint32_t i = text_hash(name.p, name.n) & (d->name_cap - 1);

	while (d->by_name[i] && !str_eq(directory_name(d, d->by_name[i]), name))
		i = (i + 1) & (d->name_cap - 1);
	return &d->by_name[i];
}

static int names_grow(struct directory *d)
{
	uint32_t *old = d->by_name, cap = d->name_cap;
	uint32_t *p = calloc(cap * 2ul, sizeof *p);

	if (!p)
		return -1;
	d->by_name = p;
	d->name_cap = cap * 2;
	for (uint32_t i = 0; i < cap; i++)
		if (old[i])
			*name_slot_of(d, directory_name(d, old[i])) = old[i];
	free(old);
	return 0;
}

static int name_put(struct directory *d, uint32_t number, struct str name)
{
	uint32_t k = number >> CHUNK_BITS;
	struct name *n = malloc(sizeof *n);

	if (n && k < CHUNKS && !d->chunk[k])
		atomic_store_explicit(&d->chunk[k], calloc(CHUNK, sizeof(struct name *)), memory_order_release);
	if (!n || name.n > USER_MAX || k >= CHUNKS || !d->chunk[k]) {
		free(n);
		return -1;
	}
	n->flags = 0;
	n->len = (uint8_t)name.n;
	memcpy(n->text, name.p, name.n);
	n->text[name.n] = 0;
	atomic_store_explicit(&d->chunk[k][number & (CHUNK - 1)], n, memory_order_release);
	return 0;
}

int directory_add_user(struct directory *d, uint32_t number, struct str name)
{
	int rc = -1;

	pthread_rwlock_wrlock(&d->lock);
	if (((d->names + 1) * 4 <= d->name_cap * 3 || names_grow(d) == 0) && name_put(d, number, name) == 0) {
		uint32_t *slot = name_slot_of(d, name);
		d->names += *slot == 0;
		*slot = number;
		rc = 0;
	}
	pthread_rwlock_unlock(&d->lock);
	return rc;
}

uint32_t directory_find_any(struct directory *d, struct str name)
{
	if (name.n < USER_MIN || name.n > USER_MAX)
		return 0;
	pthread_rwlock_rdlock(&d->lock);
	uint32_t number = *name_slot_of(d, name);
	pthread_rwlock_unlock(&d->lock);
	return number;
}

uint32_t directory_find(struct directory *d, struct str name)
{
	uint32_t number = directory_find_any(d, name);

	return directory_flags(d, number) & USER_REMOVED ? 0 : number;
}

uint32_t directory_users(struct directory *d)
{
	pthread_rwlock_rdlock(&d->lock);
	uint32_t n = d->names;
	pthread_rwlock_unlock(&d->lock);
	return n;
}

uint32_t directory_sessions(struct directory *d)
{
	pthread_rwlock_rdlock(&d->lock);
	uint32_t n = d->sessions;
	pthread_rwlock_unlock(&d->lock);
	return n;
}

static uint32_t token_bucket(const struct directory *d, const uint8_t hash[TOKEN_HASH])
{
	uint32_t h;

	memcpy(&h, hash, sizeof h);
	return h & (d->session_cap - 1);
}

static uint32_t device_bucket(const struct directory *d, const char *device)
{
	return text_hash(device, strlen(device)) & (d->session_cap - 1);
}

static void session_link(struct directory *d, struct session_row *r)
{
	uint32_t t = token_bucket(d, r->token_hash), v = device_bucket(d, r->session.device);

	r->next_token = d->by_token[t];
	d->by_token[t] = r;
	r->next_device = d->by_device[v];
	d->by_device[v] = r;
}

static void sessions_grow(struct directory *d)
{
	uint32_t cap = d->session_cap;
	struct session_row **old = d->by_token;
	struct session_row **t = calloc(cap * 2ul, sizeof *t), **v = calloc(cap * 2ul, sizeof *v);

	if (!t || !v) {
		free(t);
		free(v);
		return; /* longer chains do no harm but time */
	}
	free(d->by_device);
	d->by_token = t;
	d->by_device = v;
	d->session_cap = cap * 2;
	for (uint32_t i = 0; i < cap; i++)
		while (old[i]) {
			struct session_row *r = old[i];
			old[i] = r->next_token;
			session_link(d, r);
		}
	free(old);
}

int directory_add_session(struct directory *d, const struct session_row *row)
{
	struct session_row *r = malloc(sizeof *r);

	if (!r)
		return -1;
	*r = *row;
	pthread_rwlock_wrlock(&d->lock);
	if (d->sessions >= d->session_cap)
		sessions_grow(d);
	session_link(d, r);
	d->sessions++;
	pthread_rwlock_unlock(&d->lock);
	return 0;
}

static struct session_row *by_device(struct directory *d, const char *device)
{
	struct session_row *r = d->by_device[device_bucket(d, device)];

	while (r && strcmp(r->session.device, device) != 0)
		r = r->next_device;
	return r;
}

void directory_remove_session(struct directory *d, const char *device)
{
	pthread_rwlock_wrlock(&d->lock);
	struct session_row *r = by_device(d, device);
	if (r) {
		struct session_row **t = &d->by_token[token_bucket(d, r->token_hash)],
				   **v = &d->by_device[device_bucket(d, device)];
		while (*t != r)
			t = &(*t)->next_token;
		while (*v != r)
			v = &(*v)->next_device;
		*t = r->next_token;
		*v = r->next_device;
		d->sessions--;
		free(r);
	}
	pthread_rwlock_unlock(&d->lock);
}

void directory_each_session(struct directory *d, void (*fn)(void *ctx, struct session_row *row), void *ctx)
{
	pthread_rwlock_rdlock(&d->lock);
	for (uint32_t i = 0; i < d->session_cap; i++)
		for (struct session_row *r = d->by_token[i]; r; r = r->next_token)
			fn(ctx, r);
	pthread_rwlock_unlock(&d->lock);
}

uint64_t session_expires(uint64_t created_ms, uint64_t seen_ms, uint64_t sliding_ms, uint64_t absolute_ms)
{
	uint64_t slides = seen_ms + sliding_ms, ends = created_ms + absolute_ms;

	return slides < ends ? slides : ends;
}

int directory_session(struct directory *d, const uint8_t token_hash[TOKEN_HASH], uint64_t now_ms, uint64_t sliding_ms,
	uint64_t absolute_ms, struct session *out)
{
	int rc = -1;

	pthread_rwlock_rdlock(&d->lock);
	struct session_row *r = d->by_token[token_bucket(d, token_hash)];
	while (r && memcmp(r->token_hash, token_hash, TOKEN_HASH) != 0)
		r = r->next_token;
	if (r && now_ms < session_expires(r->created_ms, r->seen_ms, sliding_ms, absolute_ms)) {
		*out = r->session;
		if (now_ms > r->seen_ms)
			r->seen_ms = now_ms;
		rc = 0;
	}
	pthread_rwlock_unlock(&d->lock);
	return rc;
}

bool directory_alive(
	struct directory *d, const struct session *s, uint64_t now_ms, uint64_t sliding_ms, uint64_t absolute_ms)
{
	pthread_rwlock_rdlock(&d->lock);
	struct session_row *r = by_device(d, s->device);
	bool alive = r && r->session.user == s->user &&
		     now_ms < session_expires(r->created_ms, r->seen_ms, sliding_ms, absolute_ms);
	pthread_rwlock_unlock(&d->lock);
	return alive;
}
