/* The queue without a disk: the template for others. What it calls durable ends with the process. */
#include "server/queue/queue_loop.h"
#include "server/store/store_memory.h"
#include <stdlib.h>

struct memory_log {
	uint64_t tail;
};

static uint64_t ml_tail(void *ctx)
{
	return ((struct memory_log *)ctx)->tail;
}

static enum log_answer ml_prepare(void *ctx)
{
	(void)ctx;
	return LOG_OK;
}

static enum log_answer ml_store(void *ctx, const uint8_t *bytes, size_t n)
{
	(void)bytes;
	((struct memory_log *)ctx)->tail += n;
	return LOG_OK;
}

static const struct log_ops memory_log_ops = {.name = "memory",
	.tail = ml_tail,
	.prepare = ml_prepare,
	.probe = ml_prepare,
	.store = ml_store,
	.release = free};

struct queue *queue_memory_new(struct store *s, const struct queue_sink *sink)
{
	struct sequencer_source source = store_memory_source(s);
	struct memory_log *l = malloc(sizeof *l);

	if (!l)
		return NULL;
	l->tail = 64; /* no record at position 0 */
	return queue_loop_new(&memory_log_ops, l, &source, sink);
}
