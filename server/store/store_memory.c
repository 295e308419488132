#include "server/store/store_memory.h"
#include <pthread.h>
#include <stdlib.h>

struct store_memory {
	struct store base;
	struct token_key key;
	struct heads *heads; /* for the sequencer only */
	pthread_mutex_t lock;
	struct page all; /* every record, in order */
};

static struct store_memory *of(struct store *s)
{
	return (struct store_memory *)s;
}

static int sm_apply(struct store *base, const struct commit *c)
{
	struct store_memory *s = of(base);
	int rc = 0;

	pthread_mutex_lock(&s->lock);
	for (uint32_t i = 0; i < c->n_records && rc == 0; i++) {
		const struct record *r = &c->records[i];
		if (!page_add(&s->all, r, c->bytes + (r->at.pos - c->base)))
			rc = -1;
	}
	pthread_mutex_unlock(&s->lock);
	heads_wrlock(s->heads);
	for (uint32_t i = 0; i < c->n_records && rc == 0; i++)
		rc = heads_apply(s->heads, &c->records[i]);
	heads_unlock(s->heads);
	return rc;
}

static struct place sm_head(struct store *base, uint32_t user)
{
	struct store_memory *s = of(base);
	struct place at = {0, 0};

	pthread_mutex_lock(&s->lock);
	for (uint32_t i = s->all.n; i-- > 0 && !at.pos;)
		if (record_concerns(&s->all.items[i].rec, user))
			at = s->all.items[i].rec.at;
	pthread_mutex_unlock(&s->lock);
	return at;
}

/* Does mark k cover message m? */
static bool covers(const struct record *k, const struct record *m)
{
	if (k->type == RECORD_MESSAGE || k->actor != m->peer || k->peer != m->actor)
		return false;
	return k->flags & RECORD_UP_TO ? m->ordinal <= k->ordinal : m->ordinal == k->ordinal;
}

/* The first delivered and the first read mark; being read says delivered, too. */
static void find_marks(const struct store_memory *s, struct stored *m)
{
	for (uint32_t i = 0; i < s->all.n; i++) {
		const struct record *k = &s->all.items[i].rec;
		if (!covers(k, &m->rec))
			continue;
		if (k->type == RECORD_READ && !m->read_ms)
			m->read_ms = k->time_ms;
		if (!m->delivered_ms)
			m->delivered_ms = k->time_ms;
	}
}

static struct stored *copy_out(const struct store_memory *s, const struct record *r, struct page *out)
{
	struct stored *m = page_add(out, r, (const uint8_t *)r->client_id.p - RECORD_HEAD);

	if (m && r->type == RECORD_MESSAGE)
		find_marks(s, m);
	return m;
}

static bool unread_by(const struct store_memory *s, const struct record *r, uint32_t user)
{
	struct stored m = {.rec = *r};

	if (r->type != RECORD_MESSAGE || r->peer != user)
		return false;
	find_marks(s, &m);
	return m.read_ms == 0;
}

static uint64_t sm_unread_total(struct store *base, uint32_t user)
{
	struct store_memory *s = of(base);
	uint64_t n = 0;

	pthread_mutex_lock(&s->lock);
	for (uint32_t i = 0; i < s->all.n; i++)
		n += unread_by(s, &s->all.items[i].rec, user);
	pthread_mutex_unlock(&s->lock);
	return n;
}

static const struct record *find(const struct store_memory *s, struct place at)
{
	for (uint32_t i = 0; i < s->all.n; i++) {
		const struct record *r = &s->all.items[i].rec;
		if (r->at.pos == at.pos && r->at.crc == at.crc)
			return r;
	}
	return NULL;
}

static int sm_get(struct store *base, struct place at, struct page *out)
{
	struct store_memory *s = of(base);
	int rc = 0;

	pthread_mutex_lock(&s->lock);
	const struct record *r = find(s, at);
	if (r && r->type == RECORD_MESSAGE)
		rc = copy_out(s, r, out) ? 1 : -1;
	pthread_mutex_unlock(&s->lock);
	return rc;
}

static int sm_stream(struct store *base, uint32_t user, struct place after, uint32_t limit, enum stream_answer *answer,
	struct page *out)
{
	struct store_memory *s = of(base);
	int rc = 0;

	pthread_mutex_lock(&s->lock);
	const struct record *from = find(s, after);
	*answer = after.pos == 0 || (from && record_concerns(from, user)) ? STREAM_OK : STREAM_UNKNOWN;
	for (uint32_t i = 0; *answer == STREAM_OK && i < s->all.n && rc == 0; i++) {
		const struct record *r = &s->all.items[i].rec;
		if (r->at.pos <= after.pos || !record_concerns(r, user))
			continue;
		if (out->n == limit) {
			out->more = true;
			break;
		}
		rc = page_add(out, r, (const uint8_t *)r->client_id.p - RECORD_HEAD) ? 0 : -1;
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

static int sm_unread(struct store *base, uint32_t user, uint32_t from, uint64_t after, uint32_t limit, struct page *out)
{
	struct store_memory *s = of(base);
	int rc = 0;

	pthread_mutex_lock(&s->lock);
	for (uint32_t i = 0; i < s->all.n && rc == 0; i++) {
		const struct record *r = &s->all.items[i].rec;
		if (r->at.pos <= after || (from && r->actor != from) || !unread_by(s, r, user))
			continue;
		if (out->n == limit) {
			out->more = true;
			break;
		}
		rc = copy_out(s, r, out) ? 0 : -1;
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

static bool in_conversation(const struct record *r, uint32_t a, uint32_t b)
{
	return r->type == RECORD_MESSAGE && ((r->actor == a && r->peer == b) || (r->actor == b && r->peer == a));
}

static int sm_history(struct store *base, const struct history_query *q, enum stream_answer *answer, struct page *out)
{
	struct store_memory *s = of(base);
	int rc = 0;

	pthread_mutex_lock(&s->lock);
	const struct record *at = find(s, q->at);
	*answer = q->at.pos == 0 || (at && in_conversation(at, q->user, q->with)) ? STREAM_OK : STREAM_UNKNOWN;
	for (uint32_t i = 0; *answer == STREAM_OK && i < s->all.n && rc == 0; i++) {
		const struct record *r = &s->all.items[q->forward ? i : s->all.n - 1 - i].rec;
		bool beyond = q->forward ? r->at.pos > q->at.pos : q->at.pos == 0 || r->at.pos < q->at.pos;
		if (!beyond || !in_conversation(r, q->user, q->with))
			continue;
		if (out->n == q->limit) {
			out->more = true;
			break;
		}
		rc = copy_out(s, r, out) ? 0 : -1;
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

/* The newest message from one to the other such that it and all older ones have a mark of that kind. */
static struct place marked_up_to(const struct store_memory *s, uint32_t from, uint32_t to, bool read)
{
	struct place upto = {0, 0};

	for (uint32_t i = 0; i < s->all.n; i++) {
		struct stored m = {.rec = s->all.items[i].rec};
		if (m.rec.type != RECORD_MESSAGE || m.rec.actor != from || m.rec.peer != to)
			continue;
		find_marks(s, &m);
		if (!(read ? m.read_ms : m.delivered_ms))
			break;
		upto = m.rec.at;
	}
	return upto;
}

static struct conversation describe(const struct store_memory *s, uint32_t user, uint32_t with)
{
	struct conversation c = {.with = with};

	for (uint32_t i = 0; i < s->all.n; i++) {
		const struct record *r = &s->all.items[i].rec;
		c.unread += r->actor == with && unread_by(s, r, user);
	}
	c.read_up_to = marked_up_to(s, with, user, true);
	c.peer_read_up_to = marked_up_to(s, user, with, true);
	c.peer_delivered_up_to = marked_up_to(s, user, with, false);
	return c;
}

/* Has the conversation of record i no newer message? */
static bool is_newest(const struct store_memory *s, uint32_t i)
{
	const struct record *r = &s->all.items[i].rec;

	for (uint32_t k = i + 1; k < s->all.n; k++)
		if (in_conversation(&s->all.items[k].rec, r->actor, r->peer))
			return false;
	return true;
}

static int sm_conversations(struct store *base, uint32_t user, struct place after, uint32_t limit,
	struct conversation *list, struct page *out)
{
	struct store_memory *s = of(base);
	int rc = 0;

	pthread_mutex_lock(&s->lock);
	for (uint32_t i = s->all.n; i-- > 0 && rc == 0;) {
		const struct record *r = &s->all.items[i].rec;
		if (r->type != RECORD_MESSAGE || (r->actor != user && r->peer != user) ||
			(after.pos && r->at.pos >= after.pos) || !is_newest(s, i))
			continue;
		if (out->n == limit) {
			out->more = true;
			break;
		}
		list[out->n] = describe(s, user, r->actor == user ? r->peer : r->actor);
		rc = copy_out(s, r, out) ? 0 : -1;
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

static void sm_free(struct store *base)
{
	struct store_memory *s = of(base);

	page_release(&s->all);
	heads_free(s->heads);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static const struct store_ops ops = {
	.apply = sm_apply,
	.head = sm_head,
	.unread_total = sm_unread_total,
	.get = sm_get,
	.stream = sm_stream,
	.unread = sm_unread,
	.history = sm_history,
	.conversations = sm_conversations,
	.free = sm_free,
};

struct store *store_memory_new(const struct token_key *key)
{
	struct store_memory *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->base.ops = &ops;
	s->key = *key;
	s->heads = heads_new();
	pthread_mutex_init(&s->lock, NULL);
	if (!s->heads) {
		free(s);
		return NULL;
	}
	return &s->base;
}

static bool source_client(void *ctx, uint64_t key, struct index_entry *out)
{
	const struct store_memory *s = ctx;

	for (uint32_t i = 0; i < s->all.n; i++) {
		const struct record *r = &s->all.items[i].rec;
		if (r->type != RECORD_MESSAGE || r->flags & RECORD_CLIENT_ID_MADE ||
			client_key(&s->key, r->actor, r->client_id) != key)
			continue;
		*out = (struct index_entry){key, r->at.pos,
			r->at.crc | (uint64_t)content_crc(r->peer, r->flags, r->body) << 32, r->time_ms};
		return true;
	}
	return false;
}

static bool source_last_before(void *ctx, uint64_t conv, unsigned direction, uint64_t pos, struct index_entry *out)
{
	const struct store_memory *s = ctx;
	bool found = false;

	for (uint32_t i = 0; i < s->all.n; i++) {
		const struct record *r = &s->all.items[i].rec;
		if (r->type != RECORD_MESSAGE || conv_key(r->actor, r->peer) != conv || r->at.pos > pos ||
			conv_direction(r->actor, r->peer) != direction)
			continue;
		*out = (struct index_entry){conv, r->at.pos, index_conv_val(r->at.crc, r->ordinal, direction), 0};
		found = true;
	}
	return found;
}

static uint64_t source_mark_time(void *ctx, uint64_t conv, uint64_t mark_class, uint32_t ordinal, uint64_t from)
{
	const struct store_memory *s = ctx;

	(void)conv, (void)ordinal;
	for (uint32_t i = 0; i < s->all.n; i++) {
		struct stored m = {.rec = s->all.items[i].rec};
		if (m.rec.at.pos != from)
			continue;
		find_marks(s, &m);
		return mark_class >> 62 & 1 ? m.read_ms : m.delivered_ms;
	}
	return 0;
}

struct sequencer_source store_memory_source(struct store *base)
{
	struct store_memory *s = of(base);

	return (struct sequencer_source){
		.heads = s->heads,
		.ctx = s,
		.client = source_client,
		.last_before = source_last_before,
		.mark_time = source_mark_time,
		.key = &s->key,
	};
}
