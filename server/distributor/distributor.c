#include "server/distributor/distributor.h"
#include "common/base/need.h"
#include "server/ops/metrics.h"
#include <errno.h>
#include <stdlib.h>

/* What is gathered for one network thread while a commit is distributed. */
struct outbox {
	struct delivery *d;
	uint32_t cap;
};

struct distributor {
	struct store *store;
	struct presence *presence;
	struct metrics *metrics;
	struct net *net;
	unsigned threads;
	void (*failed)(void *ctx, const char *why);
	void *failed_ctx;
	uint32_t *outcome_of; /* by record of the commit: the outcome that made it, or RECORD_NONE */
	uint32_t cap_outcome_of;
	struct outbox outbox[];
};

struct distributor *distributor_new(struct store *s, struct presence *p, struct metrics *m, unsigned threads)
{
	struct distributor *d = calloc(1, sizeof *d + threads * sizeof d->outbox[0]);

	if (!d)
		return NULL;
	d->store = s;
	d->presence = p;
	d->metrics = m;
	d->threads = threads;
	return d;
}

void distributor_set_net(struct distributor *d, struct net *n)
{
	d->net = n;
}

void distributor_set_failed(struct distributor *d, void (*failed)(void *ctx, const char *why), void *ctx)
{
	d->failed = failed;
	d->failed_ctx = ctx;
}

void distributor_free(struct distributor *d)
{
	if (!d)
		return;
	free(d->outcome_of);
	free(d);
}

void delivery_free(struct delivery *d)
{
	commit_unref(d->commit);
	free(d);
}

/* Items that do not fit into memory are left out: the connection sees the gap by `prev` and catches up from the store; an answer that is left
 * out is a request without an answer, which the client sends again. */
static void add_item(struct distributor *d, struct commit *c, const struct delivery_item *item)
{
	unsigned t = conn_ref_thread(item->to);

	if (!item->to || t >= d->threads)
		return;
	struct outbox *o = &d->outbox[t];
	if (!o->d || o->d->n == o->cap) {
		uint32_t cap = o->d ? o->cap * 2 : 64;
		struct delivery *p = need_realloc(o->d, sizeof *p + cap * sizeof p->items[0]);
		if (!p)
			return;
		if (!o->d)
			*p = (struct delivery){.kind = POST_DELIVERY, .commit = commit_ref(c)};
		o->d = p;
		o->cap = cap;
	}
	o->d->items[o->d->n++] = *item;
}

/* An event of the user's stream goes to all her connections; to the one that sent the message, as the answer to its send. */
static void add_event(struct distributor *d, struct commit *c, uint32_t user, uint32_t record)
{
	conn_ref to[PRESENCE_PER_USER];
	unsigned n = presence_find(d->presence, user, to);
	uint32_t made_by = d->outcome_of[record];
	const struct outcome *o = made_by == RECORD_NONE ? NULL : &c->outcomes[made_by];

	for (unsigned i = 0; i < n; i++) {
		bool sent = o && o->type == OP_SEND && o->origin == to[i];
		struct delivery_item item = {
			.to = to[i],
			.what = sent ? DELIVER_SENT : DELIVER_EVENT,
			.user = user,
			.record = record,
			.outcome = sent ? made_by : RECORD_NONE,
		};
		if (sent)
			d->outcome_of[record] = RECORD_NONE; /* answered */
		add_item(d, c, &item);
	}
}

static void add_answer(struct distributor *d, struct commit *c, uint32_t outcome)
{
	struct delivery_item item = {
		.to = c->outcomes[outcome].origin,
		.what = DELIVER_ANSWER,
		.user = c->outcomes[outcome].actor,
		.record = RECORD_NONE,
		.outcome = outcome,
	};
	add_item(d, c, &item);
}

static int note_makers(struct distributor *d, const struct commit *c)
{
	if (d->cap_outcome_of < c->n_records) {
		uint32_t *p = need_realloc(d->outcome_of, c->n_records * sizeof *p);
		if (!p)
			return -1;
		d->outcome_of = p;
		d->cap_outcome_of = c->n_records;
	}
	for (uint32_t i = 0; i < c->n_records; i++)
		d->outcome_of[i] = RECORD_NONE;
	for (uint32_t i = 0; i < c->n_outcomes; i++)
		if (c->outcomes[i].record != RECORD_NONE)
			d->outcome_of[c->outcomes[i].record] = i;
	return 0;
}

static void distribute(struct distributor *d, struct commit *c)
{
	for (uint32_t i = 0; i < c->n_records; i++) {
		const struct record *r = &c->records[i];
		uint32_t made_by = d->outcome_of[i];
		if (record_for_actor(r))
			add_event(d, c, r->actor, i);
		if (record_for_peer(r))
			add_event(d, c, r->peer, i);
		/* Not told as `sent`: an HTTP request, or a socket that is gone from presence. */
		if (made_by != RECORD_NONE && d->outcome_of[i] != RECORD_NONE)
			add_answer(d, c, made_by);
	}
	for (uint32_t i = 0; i < c->n_outcomes; i++)
		if (c->outcomes[i].record == RECORD_NONE)
			add_answer(d, c, i);
}

static void count(struct metrics *m, const struct commit *c)
{
	int64_t messages = 0, refused = 0, repeated = 0;

	for (uint32_t i = 0; i < c->n_records; i++)
		messages += c->records[i].type == RECORD_MESSAGE;
	for (uint32_t i = 0; i < c->n_outcomes; i++) {
		refused += c->outcomes[i].err != ERR_OK;
		repeated += c->outcomes[i].replayed;
	}
	metric_add(m, METRIC_MESSAGES, messages);
	metric_add(m, METRIC_MARKS, c->n_records - messages);
	metric_add(m, METRIC_SENDS_REFUSED, refused);
	metric_add(m, METRIC_SENDS_REPEATED, repeated);
	metric_add(m, METRIC_JOURNAL_BYTES, (int64_t)c->size);
	if (c->size) {
		metric_add(m, METRIC_COMMITS, 1);
		metric_time(m, METRIC_QUEUE_TIME, c->received_us - c->enqueued_us);
		metric_time(m, METRIC_COMMIT_TIME, c->durable_us - c->received_us);
	}
}

static int consume(void *ctx, struct commit *c)
{
	struct distributor *d = ctx;

	if (store_apply(d->store, c) || note_makers(d, c)) {
		/* It is durable, but memory no longer says what the disk says: a restart reads it again. */
		commit_unref(c);
		errno = ENOMEM;
		return -1;
	}
	count(d->metrics, c);
	distribute(d, c);
	for (unsigned t = 0; t < d->threads; t++) {
		struct delivery *out = d->outbox[t].d;
		d->outbox[t] = (struct outbox){0};
		if (out)
			net_post(d->net, t, &out->msg);
	}
	commit_unref(c);
	return 0;
}

static void sink_failed(void *ctx, const char *why)
{
	struct distributor *d = ctx;

	d->failed(d->failed_ctx, why);
}

struct queue_sink distributor_sink(struct distributor *d)
{
	return (struct queue_sink){.consume = consume, .failed = sink_failed, .ctx = d};
}
