#include "server/store/heads.h"
#include "common/base/need.h"
#include <pthread.h>
#include <stdlib.h>

/* Arrays that grow without moving: chunks of a fixed size, so that pointers into them stay good. */
enum { CHUNK_BITS = 12, CHUNK = 1 << CHUNK_BITS };
struct chunks {
	void **chunk;
	uint32_t n; /* chunks */
	size_t size;
};

struct user {
	uint64_t head_pos;
	uint32_t head_crc;
	uint32_t unread;            /* messages to this user that are not read */
	uint32_t first[SIDE_LISTS]; /* side numbers; 0: none */
	uint32_t conv_first;        /* conversation numbers; 0: none */
};

struct heads {
	pthread_rwlock_t lock;
	struct chunks users, convs; /* users by number, conversations from 1 */
	uint32_t max_user, n_convs;
	uint32_t *table; /* open addressing: conversation numbers by key; 0: free */
	uint32_t table_cap;
};

static void *chunks_at(const struct chunks *c, uint32_t i)
{
	if (i >> CHUNK_BITS >= c->n || !c->chunk[i >> CHUNK_BITS])
		return NULL;
	return (char *)c->chunk[i >> CHUNK_BITS] + (size_t)(i & (CHUNK - 1)) * c->size;
}

static void *chunks_make(struct chunks *c, uint32_t i)
{
	uint32_t k = i >> CHUNK_BITS;

	if (k >= c->n) {
		uint32_t n = k + 1 > c->n * 2 ? k + 1 : c->n * 2;
		void **p = need_realloc(c->chunk, n * sizeof *p);
		if (!p)
			return NULL;
		memset(p + c->n, 0, (n - c->n) * sizeof *p);
		c->chunk = p;
		c->n = n;
	}
	if (!c->chunk[k])
		c->chunk[k] = need_calloc(CHUNK, c->size);
	return c->chunk[k] ? chunks_at(c, i) : NULL;
}

static void chunks_release(struct chunks *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		free(c->chunk[i]);
	free(c->chunk);
}

struct heads *heads_new(void)
{
	struct heads *h = calloc(1, sizeof *h);
	pthread_rwlockattr_t attr;

	if (!h)
		return NULL;
	h->users.size = sizeof(struct user);
	h->convs.size = sizeof(struct conv);
	h->table_cap = 1024;
	h->table = calloc(h->table_cap, sizeof *h->table);
	if (!h->table) {
		free(h);
		return NULL;
	}
	/* Readers must not starve the one thread that everything waits for. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&h->lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	return h;
}

static struct conv *conv_number(const struct heads *h, uint32_t n)
{
	return chunks_at(&h->convs, n);
}

void heads_free(struct heads *h)
{
	if (!h)
		return;
	for (uint32_t i = 1; i <= h->n_convs; i++) {
		struct conv *c = conv_number(h, i);
		for (int d = 0; d < 2; d++) {
			marks_release(&c->side[d].read);
			marks_release(&c->side[d].delivered);
		}
	}
	chunks_release(&h->users);
	chunks_release(&h->convs);
	pthread_rwlock_destroy(&h->lock);
	free(h->table);
	free(h);
}

void heads_rdlock(struct heads *h)
{
	pthread_rwlock_rdlock(&h->lock);
}

void heads_wrlock(struct heads *h)
{
	pthread_rwlock_wrlock(&h->lock);
}

void heads_unlock(struct heads *h)
{
	pthread_rwlock_unlock(&h->lock);
}

uint32_t heads_max_user(struct heads *h)
{
	return h->max_user;
}

struct place heads_user(struct heads *h, uint32_t user)
{
	struct user *u = chunks_at(&h->users, user);
	return u ? (struct place){u->head_pos, u->head_crc} : (struct place){0, 0};
}

uint64_t heads_unread(struct heads *h, uint32_t user)
{
	struct user *u = chunks_at(&h->users, user);
	return u ? u->unread : 0;
}

static uint32_t slot_of(const struct heads *h, uint64_t key)
{
	key *= 0x9e3779b97f4a7c15u;
	return (uint32_t)(key >> 32) & (h->table_cap - 1);
}

/* The number of the conversation, or 0; *slot: where it stands or would stand. */
static uint32_t conv_find(const struct heads *h, uint64_t key, uint32_t *slot)
{
	uint32_t s = slot_of(h, key);

	for (; h->table[s]; s = (s + 1) & (h->table_cap - 1)) {
		const struct conv *c = conv_number(h, h->table[s]);
		if (conv_key(c->user[0], c->user[1]) == key)
			break;
	}
	*slot = s;
	return h->table[s];
}

static int table_grow(struct heads *h)
{
	uint32_t cap = h->table_cap * 2;
	uint32_t *t = need_calloc(cap, sizeof *t);

	if (!t)
		return -1;
	free(h->table);
	h->table = t;
	h->table_cap = cap;
	for (uint32_t i = 1; i <= h->n_convs; i++) {
		const struct conv *c = conv_number(h, i);
		uint32_t slot;
		conv_find(h, conv_key(c->user[0], c->user[1]), &slot);
		h->table[slot] = i;
	}
	return 0;
}

static struct conv *conv_make(struct heads *h, uint32_t a, uint32_t b, uint32_t *number)
{
	uint32_t slot;

	if ((h->n_convs + 1) * 4 > h->table_cap * 3 && table_grow(h))
		return NULL;
	*number = conv_find(h, conv_key(a, b), &slot);
	if (*number)
		return conv_number(h, *number);
	struct conv *c = chunks_make(&h->convs, h->n_convs + 1);
	if (!c)
		return NULL;
	c->user[0] = a < b ? a : b;
	c->user[1] = a < b ? b : a;
	*number = h->table[slot] = ++h->n_convs;
	return c;
}

const struct conv *heads_conv(struct heads *h, uint32_t a, uint32_t b)
{
	uint32_t slot, n = conv_find(h, conv_key(a, b), &slot);
	return n ? conv_number(h, n) : NULL;
}

const struct side *heads_side(struct heads *h, uint32_t from, uint32_t to)
{
	const struct conv *c = heads_conv(h, from, to);
	return c ? &c->side[conv_direction(from, to)] : NULL;
}

/* A side's number is 2 * conversation + direction; conversations begin at 1, so 0 can end a list. */
static struct side *side_number(const struct heads *h, uint32_t n)
{
	return &conv_number(h, n / 2)->side[n % 2];
}

const struct side *heads_next(struct heads *h, enum side_list l, uint32_t user, uint32_t *it, uint32_t *from)
{
	struct user *u = chunks_at(&h->users, user);

	*it = *it ? side_number(h, *it)->link[l].next : u ? u->first[l] : 0;
	if (!*it)
		return NULL;
	*from = conv_number(h, *it / 2)->user[*it % 2];
	return side_number(h, *it);
}

/* Puts side n at the front of its recipient's list, or takes it out, as `wanted` says. Being in a list shows by prev, next or first. */
static void list(struct heads *h, enum side_list l, struct user *u, uint32_t n, bool wanted)
{
	struct side *s = side_number(h, n);
	bool in = u->first[l] == n || s->link[l].prev;

	if (in == wanted)
		return;
	if (wanted) {
		s->link[l].next = u->first[l];
		if (s->link[l].next)
			side_number(h, s->link[l].next)->link[l].prev = n;
		u->first[l] = n;
		return;
	}
	if (s->link[l].prev)
		side_number(h, s->link[l].prev)->link[l].next = s->link[l].next;
	else
		u->first[l] = s->link[l].next;
	if (s->link[l].next)
		side_number(h, s->link[l].next)->link[l].prev = s->link[l].prev;
	s->link[l].prev = s->link[l].next = 0;
}

static struct user *user_make(struct heads *h, uint32_t user)
{
	if (user > h->max_user)
		h->max_user = user;
	return chunks_make(&h->users, user);
}

static void user_advance(struct user *u, struct place at)
{
	if (at.pos > u->head_pos) {
		u->head_pos = at.pos;
		u->head_crc = at.crc;
	}
}

static unsigned member_of(const struct conv *c, uint32_t user)
{
	return user != c->user[0];
}

static void conv_unlink(struct heads *h, struct user *u, uint32_t user, uint32_t n)
{
	struct conv *c = conv_number(h, n);
	unsigned m = member_of(c, user);

	if (c->newer[m]) {
		struct conv *newer = conv_number(h, c->newer[m]);
		newer->older[member_of(newer, user)] = c->older[m];
	} else if (u->conv_first == n) {
		u->conv_first = c->older[m];
	}
	if (c->older[m]) {
		struct conv *older = conv_number(h, c->older[m]);
		older->newer[member_of(older, user)] = c->newer[m];
	}
	c->newer[m] = c->older[m] = 0;
}

/* Puts conversation n where its newest message says. That is the front, but for a replay, which may tell some conversations what they know already. */
static void conv_link(struct heads *h, struct user *u, uint32_t user, uint32_t n)
{
	struct conv *c = conv_number(h, n);
	unsigned m = member_of(c, user);
	uint64_t pos = conv_last(c).pos;
	uint32_t newer = 0, older = u->conv_first;

	for (; older && conv_last(conv_number(h, older)).pos > pos; newer = older, older = c->older[member_of(c, user)])
		c = conv_number(h, older);
	c = conv_number(h, n);
	c->newer[m] = newer;
	c->older[m] = older;
	if (newer) {
		struct conv *other = conv_number(h, newer);
		other->older[member_of(other, user)] = n;
	} else {
		u->conv_first = n;
	}
	if (older) {
		struct conv *other = conv_number(h, older);
		other->newer[member_of(other, user)] = n;
	}
}

static void conv_to_front(struct heads *h, struct user *u, uint32_t user, uint32_t n)
{
	if (u->conv_first == n)
		return;
	conv_unlink(h, u, user, n);
	conv_link(h, u, user, n);
}

const struct conv *heads_next_conv(struct heads *h, uint32_t user, uint32_t *it)
{
	struct user *u = chunks_at(&h->users, user);
	const struct conv *c = *it ? conv_number(h, *it) : NULL;

	*it = c ? c->older[member_of(c, user)] : u ? u->conv_first : 0;
	return *it ? conv_number(h, *it) : NULL;
}

uint32_t heads_conv_it(struct heads *h, uint32_t user, uint32_t peer)
{
	uint32_t slot;

	return conv_find(h, conv_key(user, peer), &slot);
}

/* Sets both lists of the recipient of side n as the side's counts say. */
static void relist(struct heads *h, struct user *recipient, uint32_t n)
{
	struct side *s = side_number(h, n);

	list(h, SIDE_UNREAD, recipient, n, marks_count(&s->read) < s->total);
	list(h, SIDE_PENDING, recipient, n, marks_count(&s->delivered) < s->total);
}

static int apply_mark(struct side *s, struct user *reader, const struct record *r)
{
	bool up_to = r->flags & RECORD_UP_TO;

	if (marks_apply(&s->delivered, r->ordinal, r->link, up_to))
		return -1;
	if (r->type == RECORD_READ) {
		uint32_t before = marks_count(&s->read);
		if (marks_apply(&s->read, r->ordinal, r->link, up_to))
			return -1;
		reader->unread -= marks_count(&s->read) - before;
	}
	return 0;
}

int heads_apply(struct heads *h, const struct record *r)
{
	uint32_t sender = r->type == RECORD_MESSAGE ? r->actor : r->peer;
	uint32_t recipient = r->type == RECORD_MESSAGE ? r->peer : r->actor;
	unsigned d = conv_direction(sender, recipient);
	struct user *actor = user_make(h, r->actor), *peer = user_make(h, r->peer);
	uint32_t number;
	struct conv *c = conv_make(h, r->actor, r->peer, &number);

	if (!actor || !peer || !c)
		return -1;
	if (record_for_actor(r))
		user_advance(actor, r->at);
	if (record_for_peer(r))
		user_advance(peer, r->at);
	if (r->at.pos <= c->applied)
		return 0;
	c->applied = r->at.pos;
	struct side *s = &c->side[d];
	struct user *to = r->type == RECORD_MESSAGE ? peer : actor;
	if (r->type == RECORD_MESSAGE) {
		s->total = r->ordinal;
		s->last_pos = r->at.pos;
		s->last_crc = r->at.crc;
		to->unread++;
		conv_to_front(h, actor, r->actor, number);
		conv_to_front(h, peer, r->peer, number);
	} else if (apply_mark(s, to, r)) {
		return -1;
	}
	relist(h, to, number * 2 + d);
	return 0;
}

uint32_t heads_conv_count(struct heads *h)
{
	return h->n_convs;
}

const struct conv *heads_conv_at(struct heads *h, uint32_t i)
{
	return conv_number(h, i);
}

int heads_restore_user(struct heads *h, uint32_t user, struct place head)
{
	struct user *u = user_make(h, user);

	if (!u)
		return -1;
	user_advance(u, head);
	return 0;
}

int heads_restore_conv(struct heads *h, const struct conv *from)
{
	uint32_t number;
	struct conv *c = conv_make(h, from->user[0], from->user[1], &number);
	struct user *u[2] = {user_make(h, from->user[0]), user_make(h, from->user[1])};

	if (!c || !u[0] || !u[1])
		return -1;
	*c = *from;
	c->newer[0] = c->newer[1] = c->older[0] = c->older[1] = 0;
	for (unsigned d = 0; d < 2; d++) {
		struct side *s = &c->side[d];
		struct user *to = from->user[0] == from->user[1] ? u[0] : u[!d];
		memset(s->link, 0, sizeof s->link);
		to->unread += s->total - marks_count(&s->read);
		relist(h, to, number * 2 + d);
	}
	return 0;
}

struct newest {
	uint64_t pos;
	uint32_t number;
};

static int by_pos(const void *a, const void *b)
{
	const struct newest *x = a, *y = b;
	return x->pos < y->pos ? -1 : x->pos > y->pos;
}

int heads_restore_end(struct heads *h)
{
	struct newest *all = malloc((h->n_convs + 1) * sizeof *all);

	if (!all)
		return -1;
	for (uint32_t i = 0; i < h->n_convs; i++)
		all[i] = (struct newest){conv_last(conv_number(h, i + 1)).pos, i + 1};
	qsort(all, h->n_convs, sizeof *all, by_pos);
	for (uint32_t i = 0; i < h->n_convs; i++) {
		const struct conv *c = conv_number(h, all[i].number);
		for (unsigned m = 0; m < 2; m++)
			conv_to_front(h, chunks_at(&h->users, c->user[m]), c->user[m], all[i].number);
	}
	free(all);
	return 0;
}
