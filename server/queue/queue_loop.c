#include "server/queue/queue_loop.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COMMIT_BYTES = 8 << 20, FULL_RETRY_US = 1000000 };

struct queue_loop {
	struct queue base;
	const struct log_ops *log;
	void *log_ctx;
	struct queue_sink sink;
	struct sequencer *sequencer;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct op_batch *first, **last; /* enqueued, oldest first */
	bool waiting, stop;
	_Atomic size_t waiting_bytes, waiting_ops;
	_Atomic bool full;
	uint64_t full_until_us; /* monotonic: the log is not asked again before */
};

static struct queue_loop *of(struct queue *q)
{
	return (struct queue_loop *)q;
}

static void loop_enqueue(struct queue *base, struct op_batch *b)
{
	struct queue_loop *q = of(base);

	b->next = NULL;
	b->enqueued_us = clock_mono_us();
	q->waiting_bytes += b->bytes;
	q->waiting_ops += b->n;
	pthread_mutex_lock(&q->lock);
	*q->last = b;
	q->last = &b->next;
	if (q->waiting)
		pthread_cond_signal(&q->more);
	pthread_mutex_unlock(&q->lock);
}

static void say_full(struct queue_loop *q, bool full)
{
	if (q->full == full)
		return;
	q->full = full;
	if (full)
		log_event(LOG_ERROR, "journal-full", "error=\"%s\" retry_s=1", strerror(errno));
	else
		log_event(LOG_INFO, "journal-space-again", "tail=%llu", (unsigned long long)q->log->tail(q->log_ctx));
}

/* Waits for ops. While the log is full it looks each second whether there is space again, so that readiness heals without anybody sending. */
static void wait_more(struct queue_loop *q)
{
	struct timespec until;

	if (!q->full) {
		pthread_cond_wait(&q->more, &q->lock);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	if (pthread_cond_timedwait(&q->more, &q->lock, &until) != ETIMEDOUT)
		return;
	pthread_mutex_unlock(&q->lock);
	say_full(q, q->log->probe(q->log_ctx) != LOG_OK);
	pthread_mutex_lock(&q->lock);
}

/* All that was enqueued, oldest first; NULL when the queue is to stop and nothing is left. */
static struct op_batch *take_all(struct queue_loop *q)
{
	pthread_mutex_lock(&q->lock);
	while (!q->first && !q->stop) {
		q->waiting = true;
		wait_more(q);
	}
	q->waiting = false;
	struct op_batch *b = q->first;
	q->first = NULL;
	q->last = &q->first;
	pthread_mutex_unlock(&q->lock);
	return b;
}

/* What could not be stored is told to whoever waits; only repeats of what is stored keep their answer. */
static void commit_fail(struct commit *c)
{
	for (uint32_t i = 0; i < c->n_outcomes; i++) {
		struct outcome *o = &c->outcomes[i];
		if (o->err == ERR_OK && !(o->replayed && o->at.pos < c->base))
			o->err = ERR_INSUFFICIENT_STORAGE;
		o->record = RECORD_NONE;
	}
	c->n_records = 0;
	c->size = 0;
}

static enum log_answer log_store(struct queue_loop *q, struct commit *c)
{
	if (c->size == 0)
		return LOG_OK;
	if (clock_mono_us() < q->full_until_us)
		return LOG_FULL;
	enum log_answer a = q->log->store(q->log_ctx, c->bytes, c->size);
	if (a == LOG_FULL)
		q->full_until_us = clock_mono_us() + FULL_RETRY_US;
	return a;
}

/* Sequences from *b, *i on until the batch is large enough or all is taken, and stores it. false: the log or the sink has failed. */
static bool commit_some(struct queue_loop *q, struct op_batch **b, uint32_t *i)
{
	uint64_t enqueued = (*b)->enqueued_us, received = clock_mono_us(), now_ms = clock_wall_ms();
	enum log_answer a = clock_mono_us() < q->full_until_us ? LOG_OK : q->log->prepare(q->log_ctx);

	if (a == LOG_FAILED)
		return false;
	sequencer_begin(q->sequencer, q->log->tail(q->log_ctx));
	while (*b && sequencer_bytes(q->sequencer) < COMMIT_BYTES) {
		if (*i < (*b)->n) {
			sequencer_add(q->sequencer, &(*b)->ops[(*i)++], now_ms);
			continue;
		}
		struct op_batch *next = (*b)->next;
		q->waiting_bytes -= (*b)->bytes;
		q->waiting_ops -= (*b)->n;
		op_batch_free(*b);
		*b = next;
		*i = 0;
	}
	struct commit *c = sequencer_end(q->sequencer, now_ms);
	if (!c)
		return false;
	c->enqueued_us = enqueued;
	c->received_us = received;
	if (a == LOG_OK)
		a = log_store(q, c);
	else
		q->full_until_us = clock_mono_us() + FULL_RETRY_US;
	if (a == LOG_FAILED) {
		commit_unref(c);
		return false;
	}
	if (a == LOG_FULL)
		commit_fail(c);
	if (a == LOG_FULL || c->size)
		say_full(q, a == LOG_FULL);
	c->durable_us = clock_mono_us();
	return q->sink.consume(q->sink.ctx, c) == 0;
}

static void drop_all(struct op_batch *b)
{
	while (b) {
		struct op_batch *next = b->next;
		op_batch_free(b);
		b = next;
	}
}

static void *loop_main(void *arg)
{
	struct queue_loop *q = arg;
	struct op_batch *b;
	char why[160];

	while ((b = take_all(q))) {
		uint32_t i = 0;
		while (b) {
			if (commit_some(q, &b, &i))
				continue;
			snprintf(why, sizeof why, "the %s cannot go on: %s", q->log->name, strerror(errno));
			drop_all(b);
			q->sink.failed(q->sink.ctx, why);
			return NULL;
		}
	}
	return NULL;
}

static void loop_stop(struct queue *base)
{
	struct queue_loop *q = of(base);

	pthread_mutex_lock(&q->lock);
	bool first = !q->stop;
	q->stop = true;
	pthread_cond_signal(&q->more);
	pthread_mutex_unlock(&q->lock);
	if (first)
		pthread_join(q->thread, NULL);
}

static bool loop_room(struct queue *base)
{
	return of(base)->waiting_bytes < QUEUE_BYTES_MAX;
}

static struct queue_depth loop_depth(struct queue *base)
{
	return (struct queue_depth){of(base)->waiting_ops, of(base)->waiting_bytes};
}

static bool loop_ready(struct queue *base)
{
	return !of(base)->full;
}

static void loop_free(struct queue *base)
{
	struct queue_loop *q = of(base);

	loop_stop(base);
	drop_all(q->first);
	sequencer_free(q->sequencer);
	q->log->release(q->log_ctx);
	pthread_mutex_destroy(&q->lock);
	pthread_cond_destroy(&q->more);
	free(q);
}

static const struct queue_ops ops = {
	.enqueue = loop_enqueue,
	.stop = loop_stop,
	.room = loop_room,
	.depth = loop_depth,
	.ready = loop_ready,
	.free = loop_free,
};

struct queue *queue_loop_new(
	const struct log_ops *log, void *log_ctx, const struct sequencer_source *source, const struct queue_sink *sink)
{
	struct queue_loop *q = calloc(1, sizeof *q);

	if (!q) {
		log->release(log_ctx);
		return NULL;
	}
	q->base.ops = &ops;
	q->log = log;
	q->log_ctx = log_ctx;
	q->sink = *sink;
	q->last = &q->first;
	struct sequencer_source src = *source;
	src.blocks = sink->blocks;
	src.blocks_ctx = sink->blocks_ctx;
	q->sequencer = sequencer_new(&src);
	pthread_mutex_init(&q->lock, NULL);
	clock_cond_init(&q->more);
	if (!q->sequencer || pthread_create(&q->thread, NULL, loop_main, q)) {
		q->stop = true; /* there is no thread to join */
		loop_free(&q->base);
		return NULL;
	}
	return &q->base;
}
