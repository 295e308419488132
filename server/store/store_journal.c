#include "server/store/store_journal.h"
#include "common/base/array.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/msg.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct store_journal {
	struct store base;
	struct journal *journal;
	struct heads *heads;
	struct index *index;
	int dir_fd;
	_Atomic uint64_t sealed;  /* position up to which all is in runs or on its way there */
	_Atomic uint64_t applied; /* position behind the newest record applied */
};

static struct store_journal *of(struct store *s)
{
	return (struct store_journal *)s;
}

static int index_message(struct store_journal *s, const struct record *r)
{
	uint64_t conv = conv_key(r->actor, r->peer);
	struct index_entry e = {
		conv, r->at.pos, index_conv_val(r->at.crc, r->ordinal, conv_direction(r->actor, r->peer)), 0};

	if (index_add(s->index, INDEX_CONV, &e))
		return -1;
	if (r->flags & RECORD_CLIENT_ID_MADE)
		return 0;
	e = (struct index_entry){client_key(journal_key(s->journal), r->actor, r->client_id), r->at.pos,
		r->at.crc | (uint64_t)content_crc(r->peer, r->flags, r->body) << 32, r->time_ms};
	return index_add(s->index, INDEX_CLIENT, &e);
}

static int index_mark(struct store_journal *s, const struct record *r)
{
	bool read = r->type == RECORD_READ;
	struct index_entry e = {r->link.pos, read, r->time_ms, 0};

	if (!(r->flags & RECORD_UP_TO))
		return index_add(s->index, INDEX_ONE, &e);
	e.key = conv_key(r->actor, r->peer);
	e.sub = index_mark_class(conv_direction(r->peer, r->actor), read) | r->ordinal;
	return index_add(s->index, INDEX_UPTO, &e);
}

static int index_record(struct store_journal *s, const struct record *r)
{
	struct index_entry e = {r->actor, r->at.pos, r->at.crc, 0};

	if (record_for_actor(r) && index_add(s->index, INDEX_STREAM, &e))
		return -1;
	e.key = r->peer;
	if (record_for_peer(r) && index_add(s->index, INDEX_STREAM, &e))
		return -1;
	return r->type == RECORD_MESSAGE ? index_message(s, r) : index_mark(s, r);
}

enum { APPLY_STEP = 512 /* records under one lock */ };

static int sj_apply(struct store *base, const struct commit *c)
{
	struct store_journal *s = of(base);
	int rc = 0;

	index_lock(s->index);
	for (uint32_t i = 0; i < c->n_records && rc == 0; i++)
		rc = index_record(s, &c->records[i]);
	index_unlock(s->index);
	/* In steps, for network threads ask for heads: a commit may have 50,000 records, all durable already. */
	for (uint32_t i = 0; i < c->n_records && rc == 0;) {
		heads_wrlock(s->heads);
		for (uint32_t end = i + APPLY_STEP; i < end && i < c->n_records && rc == 0; i++)
			rc = heads_apply(s->heads, &c->records[i]);
		heads_unlock(s->heads);
	}
	s->applied = c->base + c->size;
	return rc;
}

static struct place sj_head(struct store *base, uint32_t user)
{
	struct store_journal *s = of(base);

	heads_rdlock(s->heads);
	struct place at = heads_user(s->heads, user);
	heads_unlock(s->heads);
	return at;
}

static uint64_t sj_unread_total(struct store *base, uint32_t user)
{
	struct store_journal *s = of(base);

	heads_rdlock(s->heads);
	uint64_t n = heads_unread(s->heads, user);
	heads_unlock(s->heads);
	return n;
}

/* When a message was delivered and read. Being read says delivered, too. */
static void fill_marks(struct store_journal *s, struct stored *m)
{
	const struct record *r = &m->rec;
	uint64_t conv = conv_key(r->actor, r->peer);
	unsigned d = conv_direction(r->actor, r->peer);

	heads_rdlock(s->heads);
	const struct side *side = heads_side(s->heads, r->actor, r->peer);
	bool delivered = side && marks_cover(&side->delivered, r->ordinal);
	bool read = side && marks_cover(&side->read, r->ordinal);
	heads_unlock(s->heads);
	if (read)
		m->read_ms = index_mark_time(s->index, conv, index_mark_class(d, true), r->ordinal, r->at.pos);
	if (delivered)
		m->delivered_ms = index_mark_time(s->index, conv, index_mark_class(d, false), r->ordinal, r->at.pos);
	/* A mark of what came later covers it as well; it reached her no later than she read it. */
	if (read && (!m->delivered_ms || m->delivered_ms > m->read_ms))
		m->delivered_ms = m->read_ms;
}

struct scratch {
	uint8_t *bytes;
	size_t cap;
};

static int add_record(
	struct store_journal *s, struct place at, struct scratch *sc, struct page *out, struct stored **item)
{
	struct record r;
	int rc = journal_read(s->journal, at, &r, &sc->bytes, &sc->cap);

	if (rc <= 0)
		return rc;
	*item = page_add(out, &r, sc->bytes);
	return *item ? 1 : -1;
}

static int sj_get(struct store *base, struct place at, struct page *out)
{
	struct store_journal *s = of(base);
	struct scratch sc = {0};
	struct stored *item;
	int rc = add_record(s, at, &sc, out, &item);

	free(sc.bytes);
	if (rc == 1 && item->rec.type != RECORD_MESSAGE) {
		out->n--;
		return 0;
	}
	if (rc == 1)
		fill_marks(s, item);
	return rc;
}

/* Is `at` an event of the user's stream? 1, 0, -1 read error. */
static int in_stream(struct store_journal *s, uint32_t user, struct place at, struct scratch *sc)
{
	struct record r;
	int rc = journal_read(s->journal, at, &r, &sc->bytes, &sc->cap);

	return rc == 1 ? record_concerns(&r, user) : rc;
}

static int sj_stream(struct store *base, uint32_t user, struct place after, uint32_t limit, enum stream_answer *answer,
	struct page *out)
{
	struct store_journal *s = of(base);
	struct index_entry *e = malloc((limit + 1) * sizeof *e);
	struct scratch sc = {0};
	int rc = e ? 1 : -1;
	size_t bytes = 0;

	*answer = STREAM_OK;
	if (rc == 1 && after.pos)
		rc = in_stream(s, user, after, &sc);
	if (rc == 0)
		*answer = STREAM_UNKNOWN;
	int n = rc == 1 ? index_forward(s->index, INDEX_STREAM, user, after.pos, e, limit + 1) : 0;
	rc = n < 0 || rc < 0 ? -1 : 0;
	for (int i = 0; i < n && rc == 0; i++) {
		struct stored *item;
		if (out->n == limit || bytes >= PAGE_BYTES) {
			out->more = true;
			break;
		}
		if (add_record(s, (struct place){e[i].sub, (uint32_t)e[i].val}, &sc, out, &item) != 1)
			rc = -1;
		else
			bytes += item->rec.len;
	}
	free(sc.bytes);
	free(e);
	return rc;
}

/* A direction with unread messages, copied so that it can be looked at without the lock. */
struct unread_side {
	uint32_t from;
	struct marks read;
};
struct unread_sides {
	struct unread_side *side;
	uint32_t n, cap;
};

static int copy_side(struct unread_sides *l, const struct side *side, uint32_t from)
{
	struct unread_side *p = array_room(l->side, l->n, &l->cap, sizeof *p, 16);

	if (!p)
		return -1;
	l->side = p;
	l->side[l->n].from = from;
	return marks_copy(&l->side[l->n++].read, &side->read);
}

static int copy_sides(struct store_journal *s, uint32_t user, uint32_t from, struct unread_sides *l)
{
	const struct side *side;
	uint32_t it = 0, who;
	int rc = 0;

	heads_rdlock(s->heads);
	if (from) {
		side = heads_side(s->heads, from, user);
		if (side)
			rc = copy_side(l, side, from);
	} else {
		while (rc == 0 && (side = heads_next(s->heads, SIDE_UNREAD, user, &it, &who)))
			rc = copy_side(l, side, who);
	}
	heads_unlock(s->heads);
	return rc;
}

/* The oldest unread messages found so far: at most `want` are kept. */
struct oldest {
	struct index_entry *e;
	uint32_t n, want;
	uint64_t bound; /* nothing at or above it is of interest */
};

static int by_sub(const void *a, const void *b)
{
	const struct index_entry *x = a, *y = b;
	return x->sub < y->sub ? -1 : x->sub > y->sub;
}

static void oldest_cut(struct oldest *o)
{
	qsort(o->e, o->n, sizeof *o->e, by_sub);
	if (o->n > o->want)
		o->n = o->want;
	if (o->n == o->want)
		o->bound = o->e[o->n - 1].sub;
}

enum { STEP = 128 };

static int gather_side(
	struct store_journal *s, uint32_t user, const struct unread_side *side, uint64_t after, struct oldest *o)
{
	unsigned d = conv_direction(side->from, user);
	struct index_entry step[STEP];
	uint32_t taken = 0;
	int n;

	if (after < side->read.pos)
		after = side->read.pos;
	do {
		n = index_forward(s->index, INDEX_CONV, conv_key(side->from, user), after, step, STEP);
		for (int i = 0; i < n && taken < o->want; i++) {
			after = step[i].sub;
			if (after >= o->bound)
				return 0;
			if (step[i].val >> 63 != d || marks_cover(&side->read, step[i].val >> 32 & 0x7fffffff))
				continue;
			if (o->n == 4 * o->want)
				oldest_cut(o);
			o->e[o->n++] = step[i];
			taken++;
		}
	} while (n == STEP && taken < o->want);
	return n < 0 ? -1 : 0;
}

static int read_oldest(struct store_journal *s, const struct oldest *o, uint32_t limit, struct page *out)
{
	struct scratch sc = {0};
	size_t bytes = 0;
	int rc = 0;

	for (uint32_t i = 0; i < o->n && rc == 0; i++) {
		struct stored *item;
		if (out->n == limit || bytes >= PAGE_BYTES) {
			out->more = true;
			break;
		}
		if (add_record(s, (struct place){o->e[i].sub, (uint32_t)o->e[i].val}, &sc, out, &item) != 1) {
			rc = -1;
			break;
		}
		fill_marks(s, item);
		bytes += item->rec.body.n;
	}
	free(sc.bytes);
	return rc;
}

static int sj_unread(struct store *base, uint32_t user, uint32_t from, uint64_t after, uint32_t limit, struct page *out)
{
	struct store_journal *s = of(base);
	struct unread_sides l = {0};
	struct oldest o = {.want = limit + 1, .bound = UINT64_MAX};
	int rc = copy_sides(s, user, from, &l);

	o.e = malloc(4 * (size_t)o.want * sizeof *o.e);
	if (!o.e)
		rc = -1;
	for (uint32_t i = 0; i < l.n && rc == 0; i++)
		rc = gather_side(s, user, &l.side[i], after, &o);
	if (rc == 0) {
		oldest_cut(&o);
		rc = read_oldest(s, &o, limit, out);
	}
	for (uint32_t i = 0; i < l.n; i++)
		marks_release(&l.side[i].read);
	free(l.side);
	free(o.e);
	return rc;
}

/* Adds the message at a place with its marks. 1; 0: it is not there; -1 read error. */
static int add_message(struct store_journal *s, struct place at, struct scratch *sc, struct page *out)
{
	struct stored *item;
	int rc = add_record(s, at, sc, out, &item);

	if (rc == 1)
		fill_marks(s, item);
	return rc;
}

/* Backward along the links from message to message. */
static int history_back(struct store_journal *s, struct place at, uint32_t limit, struct scratch *sc, struct page *out)
{
	size_t bytes = 0;

	while (at.pos) {
		if (out->n == limit || bytes >= PAGE_BYTES) {
			out->more = true;
			break;
		}
		int rc = add_message(s, at, sc, out);
		if (rc <= 0)
			return rc;
		at = out->items[out->n - 1].rec.link;
		bytes += out->items[out->n - 1].rec.body.n;
	}
	return 0;
}

static int history_on(struct store_journal *s, const struct history_query *q, struct scratch *sc, struct page *out)
{
	struct index_entry *e = malloc((q->limit + 1) * sizeof *e);
	size_t bytes = 0;
	int rc = 1,
	    n = e ? index_forward(s->index, INDEX_CONV, conv_key(q->user, q->with), q->at.pos, e, q->limit + 1) : -1;

	for (int i = 0; i < n && rc == 1; i++) {
		if (out->n == q->limit || bytes >= PAGE_BYTES) {
			out->more = true;
			break;
		}
		rc = add_message(s, (struct place){e[i].sub, (uint32_t)e[i].val}, sc, out);
		if (rc == 1)
			bytes += out->items[out->n - 1].rec.body.n;
	}
	free(e);
	return rc == 1 && n >= 0 ? 0 : -1;
}

static int sj_history(struct store *base, const struct history_query *q, enum stream_answer *answer, struct page *out)
{
	struct store_journal *s = of(base);
	struct scratch sc = {0};
	struct place from = q->at;
	struct record r;
	int rc = 1;

	*answer = STREAM_OK;
	if (q->at.pos) {
		rc = journal_read(s->journal, q->at, &r, &sc.bytes, &sc.cap);
		if (rc == 0 || (rc == 1 && (r.type != RECORD_MESSAGE ||
						   conv_key(r.actor, r.peer) != conv_key(q->user, q->with))))
			*answer = STREAM_UNKNOWN;
		from = rc == 1 ? r.link : from;
	} else {
		heads_rdlock(s->heads);
		const struct conv *c = heads_conv(s->heads, q->user, q->with);
		from = c ? conv_last(c) : from;
		heads_unlock(s->heads);
	}
	if (rc >= 0 && *answer == STREAM_OK)
		rc = q->forward ? history_on(s, q, &sc, out) : history_back(s, from, q->limit, &sc, out);
	free(sc.bytes);
	return rc < 0 ? -1 : 0;
}

static struct place watermark(const struct marks *m)
{
	return (struct place){m->pos, m->crc};
}

static struct conversation describe(const struct conv *c, uint32_t user)
{
	uint32_t with = c->user[0] == user ? c->user[1] : c->user[0];
	const struct side *to_me = &c->side[conv_direction(with, user)],
			  *from_me = &c->side[conv_direction(user, with)];

	return (struct conversation){
		.with = with,
		.unread = to_me->total - marks_count(&to_me->read),
		.read_up_to = watermark(&to_me->read),
		.peer_read_up_to = watermark(&from_me->read),
		.peer_delivered_up_to = watermark(&from_me->delivered),
	};
}

/* Those that are older than `after`, whose peer is known when it still is the newest message of its conversation: then nothing is walked through. */
static uint32_t copy_conversations(struct store_journal *s, uint32_t user, uint32_t peer, uint64_t after,
	uint32_t limit, struct conversation *list, struct place *last)
{
	uint32_t n = 0, it = peer ? heads_conv_it(s->heads, user, peer) : 0;
	const struct conv *c;

	if (it && conv_last(heads_conv_at(s->heads, it)).pos != after)
		it = 0;
	while (n < limit && (c = heads_next_conv(s->heads, user, &it))) {
		last[n] = conv_last(c);
		if (!after || last[n].pos < after)
			list[n++] = describe(c, user);
	}
	return n;
}

static int read_newest(struct store_journal *s, const struct place *last, uint32_t n, uint32_t limit,
	struct scratch *sc, struct page *out)
{
	size_t bytes = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (out->n == limit || bytes >= PAGE_BYTES) {
			out->more = true;
			break;
		}
		if (add_message(s, last[i], sc, out) != 1)
			return -1;
		bytes += out->items[out->n - 1].rec.body.n;
	}
	return 0;
}

static int sj_conversations(struct store *base, uint32_t user, struct place after, uint32_t limit,
	struct conversation *list, struct page *out)
{
	struct store_journal *s = of(base);
	struct place *last = malloc((limit + 1) * sizeof *last);
	struct conversation *all = malloc((limit + 1) * sizeof *all);
	struct scratch sc = {0};
	struct record r = {0};
	int rc = last && all ? 0 : -1;

	if (rc == 0 && after.pos)
		rc = journal_read(s->journal, after, &r, &sc.bytes, &sc.cap) < 0 ? -1 : 0;
	if (rc == 0) {
		heads_rdlock(s->heads);
		uint32_t n = copy_conversations(
			s, user, r.actor == user ? r.peer : r.actor, after.pos, limit + 1, all, last);
		heads_unlock(s->heads);
		rc = read_newest(s, last, n, limit, &sc, out);
		memcpy(list, all, out->n * sizeof *list);
	}
	free(sc.bytes);
	free(last);
	free(all);
	return rc;
}

static void sj_free(struct store *base)
{
	struct store_journal *s = of(base);

	index_free(s->index);
	heads_free(s->heads);
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	free(s);
}

static const struct store_ops ops = {
	.apply = sj_apply,
	.head = sj_head,
	.unread_total = sj_unread_total,
	.get = sj_get,
	.stream = sj_stream,
	.unread = sj_unread,
	.history = sj_history,
	.conversations = sj_conversations,
	.free = sj_free,
};

/* ---- start ---- */

struct replay {
	struct store_journal *s;
	uint64_t covered, upto; /* what the runs and the snapshot say already */
	uint64_t records;
};

static int replay_record(void *ctx, const struct record *r, const uint8_t *bytes)
{
	struct replay *p = ctx;

	(void)bytes;
	p->records++;
	if (r->at.pos >= p->covered && index_record(p->s, r))
		return 1;
	return heads_apply(p->s->heads, r) ? 1 : 0;
}

/* What runs and snapshot say was durable when they were made: a tail that is torn before its end was not torn by a crash. */
static bool was_durable(const struct replay *p, uint64_t end)
{
	struct heads *h = p->s->heads;
	bool more = p->covered > end || p->upto > end;

	for (uint32_t u = 1; u <= heads_max_user(h) && !more; u++)
		more = heads_user(h, u).pos >= end;
	return more;
}

static int replay_segment(struct replay *p, unsigned i, char why[256])
{
	struct store_journal *s = p->s;
	struct journal_segment seg = journal_segment(s->journal, i);
	bool last = i + 1 == journal_segments(s->journal);
	uint64_t end = seg.end, from = p->covered < p->upto ? p->covered : p->upto;

	if (seg.end > from) {
		int rc = journal_scan(s->journal, i, from, replay_record, p, &end);
		if (rc) {
			snprintf(why, 256, "cannot replay the journal: %s", rc > 0 ? "out of memory" : strerror(errno));
			return -1;
		}
	}
	if (end < seg.end && (!last || was_durable(p, end))) {
		snprintf(why, 256,
			"the journal is damaged at position %" PRIu64 ", %s; put %020" PRIu64 ".seg back from a backup",
			end, last ? "before what was durable" : "inside a sealed segment", seg.base);
		return -1;
	}
	if (last)
		return journal_recover(s->journal, end, why);
	if (seg.end > p->covered && store_journal_seal(&s->base, seg.end)) {
		snprintf(why, 256, "cannot write the index of a segment: %s", strerror(errno));
		return -1;
	}
	return 0;
}

static void after_seal(void *ctx, uint64_t upto)
{
	struct store_journal *s = ctx;

	if (heads_save(s->heads, s->dir_fd, upto))
		log_event(LOG_WARN, "snapshot-failed", "error=\"%s\"", strerror(errno));
}

static int start(struct store_journal *s, char why[256])
{
	struct replay p = {.s = s};
	uint64_t tail = journal_tail(s->journal), began = clock_mono_us();

	if (heads_load(s->heads, s->dir_fd, tail, &p.upto) || index_open(s->index, tail, &p.covered)) {
		snprintf(why, 256, "out of memory");
		return -1;
	}
	s->sealed = p.covered;
	for (unsigned i = 0; i < journal_segments(s->journal); i++)
		if (replay_segment(&p, i, why))
			return -1;
	s->applied = journal_tail(s->journal);
	log_event(LOG_INFO, "journal-replayed", "records=%" PRIu64 " from=%" PRIu64 " tail=%" PRIu64 " ms=%" PRIu64,
		p.records, p.upto, journal_tail(s->journal), (clock_mono_us() - began) / 1000);
	if (index_start(s->index, after_seal, s)) {
		snprintf(why, 256, "cannot start the index thread");
		return -1;
	}
	return 0;
}

int store_journal_new(struct store **out, struct journal *j, const char *dir, char why[256])
{
	struct store_journal *s = calloc(1, sizeof *s);

	snprintf(why, 256, "out of memory");
	if (!s)
		return -1;
	s->base.ops = &ops;
	s->journal = j;
	s->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s->heads = heads_new();
	s->index = s->dir_fd >= 0 ? index_new(s->dir_fd) : NULL;
	if (!s->heads || !s->index || start(s, why)) {
		sj_free(&s->base);
		return -1;
	}
	*out = &s->base;
	return 0;
}

static bool source_client(void *ctx, uint64_t key, struct index_entry *out)
{
	return index_client(((struct store_journal *)ctx)->index, key, out);
}

static bool source_last_before(void *ctx, uint64_t conv, unsigned direction, uint64_t pos, struct index_entry *out)
{
	return index_last_before(((struct store_journal *)ctx)->index, conv, direction, pos, out);
}

static uint64_t source_mark_time(void *ctx, uint64_t conv, uint64_t mark_class, uint32_t ordinal, uint64_t from)
{
	return index_mark_time(((struct store_journal *)ctx)->index, conv, mark_class, ordinal, from);
}

struct sequencer_source store_journal_source(struct store *base)
{
	struct store_journal *s = of(base);

	return (struct sequencer_source){
		.heads = s->heads,
		.ctx = s,
		.client = source_client,
		.last_before = source_last_before,
		.mark_time = source_mark_time,
		.key = journal_key(s->journal),
	};
}

int store_journal_seal(struct store *base, uint64_t upto)
{
	struct store_journal *s = of(base);
	uint64_t from = s->sealed;

	if (upto == from)
		return 0;
	s->sealed = upto;
	return index_seal(s->index, from, upto);
}

void store_journal_snapshot(struct store *base)
{
	struct store_journal *s = of(base);
	uint64_t tail = s->applied;

	if (heads_save(s->heads, s->dir_fd, tail))
		log_event(LOG_WARN, "snapshot-failed", "error=\"%s\"", strerror(errno));
}

uint64_t store_journal_messages(struct store *base)
{
	enum { AT_ONCE = 4096 };
	struct heads *h = of(base)->heads;
	uint64_t all = 0;

	/* Under short locks: the distributor waits meanwhile. */
	for (uint32_t i = 1, end, count = 1; i <= count; i = end) {
		heads_rdlock(h);
		count = heads_conv_count(h);
		end = i + AT_ONCE <= count ? i + AT_ONCE : count + 1;
		for (uint32_t k = i; k < end; k++)
			all += (uint64_t)heads_conv_at(h, k)->side[0].total + heads_conv_at(h, k)->side[1].total;
		heads_unlock(h);
	}
	return all;
}

uint32_t store_journal_max_user(struct store *base)
{
	return heads_max_user(of(base)->heads);
}
