#include "server/api/watch.h"
#include "server/api/sight.h"
#include <stdlib.h>

/* One user that one socket watches. */
struct watch {
	struct watch *next, **back; /* of the thread's chain; back: what points here */
	struct socket *k;
	uint32_t user;
	bool told;
	struct sighting said; /* when told */
};

/* A thread's watches by user. */
struct watch_table {
	uint32_t buckets, n;
	struct watch *bucket[];
};

enum { BUCKETS_FIRST = 256, ROOM = SESSION_EVENTS_MAX /* bytes that wait; past it a socket is told later */ };

struct presence_post {
	struct net_msg msg;
	int kind;
	uint32_t n;
	uint32_t user[];
};

static struct watch **bucket_of(struct watch_table *t, uint32_t user)
{
	return &t->bucket[(user * 2654435769u >> 7) & (t->buckets - 1)];
}

static void enter(struct watch_table *t, struct watch *w)
{
	struct watch **head = bucket_of(t, w->user);

	w->next = *head;
	w->back = head;
	if (w->next)
		w->next->back = &w->next;
	*head = w;
}

static struct watch_table *table_new(uint32_t buckets)
{
	struct watch_table *t = calloc(1, sizeof *t + buckets * sizeof t->bucket[0]);

	if (t)
		t->buckets = buckets;
	return t;
}

/* Longer chains do no harm but time, so a failure to grow is none. */
static int make_room(struct api_thread *t, uint32_t more)
{
	struct watch_table *old = t->watches;

	if (!old)
		return (t->watches = table_new(BUCKETS_FIRST)) ? 0 : -1;
	if (old->n + more <= old->buckets)
		return 0;
	struct watch_table *wide = table_new(old->buckets * 2);
	if (!wide)
		return 0;
	wide->n = old->n;
	for (uint32_t i = 0; i < old->buckets; i++)
		for (struct watch *w = old->bucket[i], *next; w; w = next) {
			next = w->next;
			enter(wide, w);
		}
	free(old);
	t->watches = wide;
	return 0;
}

void watch_release(struct api_thread *t)
{
	free(t->watches);
	t->watches = NULL;
}

static void leave(struct socket *k)
{
	for (uint32_t i = 0; i < k->n_watch; i++) {
		struct watch *w = &k->watch[i];
		*w->back = w->next;
		if (w->next)
			w->next->back = w->back;
	}
	if (k->n_watch) {
		k->t->watches->n -= k->n_watch;
		atomic_fetch_sub(&k->t->api->watching, 1);
	}
	free(k->watch);
	k->watch = NULL;
	k->n_watch = 0;
	k->watch_due = false;
}

int watch_set(struct socket *k, const uint32_t users[], uint32_t n)
{
	leave(k);
	if (n == 0)
		return 0;
	k->watch = calloc(n, sizeof *k->watch);
	if (!k->watch || make_room(k->t, n)) {
		free(k->watch);
		k->watch = NULL;
		return -1;
	}
	for (uint32_t i = 0; i < n; i++) {
		k->watch[i].k = k;
		k->watch[i].user = users[i];
		enter(k->t->watches, &k->watch[i]);
	}
	k->n_watch = n;
	k->t->watches->n += n;
	/* Counted before anything is looked at: who comes after that look sees the count and tells. */
	atomic_fetch_add(&k->t->api->watching, 1);
	watch_refresh(k);
	return 0;
}

static void say(struct socket *k, const struct watch *w)
{
	struct buf *b = session_begin(&k->s);

	buf_adds(b, "{\"ev\":\"presence\",\"user\":\"");
	buf_addstr(b, accounts_name(k->t->api->accounts, w->user));
	buf_adds(b, "\",");
	sight_write(b, &w->said);
	buf_addc(b, '}');
	session_end(&k->s);
}

/* While she is online it does not matter when she was seen last. */
static bool same(const struct sighting *a, const struct sighting *b)
{
	return a->online == b->online && (a->online || a->last_seen_ms == b->last_seen_ms);
}

static bool can_hear(const struct socket *k)
{
	return k->s.state != SESSION_NEW && k->s.state != SESSION_ASKING && k->s.out.len < ROOM && !k->closing;
}

static void tell(struct socket *k, struct watch *w)
{
	struct sighting now = sight_of(k->t->api, k->who.user, w->user);

	if (w->told && same(&w->said, &now))
		return;
	if (!can_hear(k)) {
		k->watch_due = true;
		return;
	}
	w->told = true;
	w->said = now;
	say(k, w);
}

void watch_refresh(struct socket *k)
{
	k->watch_due = false;
	for (uint32_t i = 0; i < k->n_watch && !k->watch_due; i++)
		tell(k, &k->watch[i]);
	socket_stir(k);
}

void watch_again(struct socket *k)
{
	for (uint32_t i = 0; i < k->n_watch; i++)
		k->watch[i].told = false;
	watch_refresh(k);
}

void presence_changed(struct api_thread *t, uint32_t user)
{
	if (atomic_load(&t->api->watching) == 0 || atomic_load(&t->api->draining))
		return;
	if (t->n_changed == CHANGED_MAX)
		presence_turn_end(t);
	t->changed[t->n_changed++] = user;
}

/* A thread that cannot be told for want of memory shows what was until the next change. */
void presence_turn_end(struct api_thread *t)
{
	for (unsigned i = 0; t->n_changed && i < net_threads(t->api->net); i++) {
		struct presence_post *p = malloc(sizeof *p + t->n_changed * sizeof p->user[0]);
		if (!p)
			continue;
		p->kind = API_POST_PRESENCE;
		p->n = t->n_changed;
		memcpy(p->user, t->changed, t->n_changed * sizeof p->user[0]);
		net_post(t->api->net, i, &p->msg);
	}
	t->n_changed = 0;
}

void presence_posted(struct api_thread *t, struct net_msg *m)
{
	struct presence_post *p = (struct presence_post *)m;

	for (uint32_t i = 0; t->watches && i < p->n; i++)
		for (struct watch *w = *bucket_of(t->watches, p->user[i]), *next; w; w = next) {
			next = w->next;
			if (w->user != p->user[i])
				continue;
			tell(w->k, w);
			socket_stir(w->k);
		}
	free(p);
}
