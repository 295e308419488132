#include "server/queue/queue.h"
#include "common/base/array.h"
#include <stdlib.h>

enum { ARENA_BLOCK = 64 << 10 };

struct op_arena {
	struct op_arena *next;
	size_t used, cap;
	char bytes[];
};

struct op_batch *op_batch_new(void)
{
	return calloc(1, sizeof(struct op_batch));
}

struct op *op_batch_add(struct op_batch *b)
{
	uint32_t had = b->cap;
	struct op *ops = array_room(b->ops, b->n, &b->cap, sizeof *ops, 16);

	if (!ops)
		return NULL;
	b->ops = ops;
	b->bytes += (b->cap - had) * sizeof *ops;
	struct op *op = &b->ops[b->n++];
	memset(op, 0, sizeof *op);
	return op;
}

char *op_batch_room(struct op_batch *b, size_t n)
{
	struct op_arena *a = b->arena;

	if (!a || a->cap - a->used < n) {
		/* The first block is small: most batches are. */
		size_t least = a ? ARENA_BLOCK : ARENA_BLOCK / 16, cap = n > least ? n : least;
		a = malloc(sizeof *a + cap);
		if (!a)
			return NULL;
		a->next = b->arena;
		a->used = 0;
		a->cap = cap;
		b->arena = a;
		b->bytes += sizeof *a + cap;
	}
	char *p = a->bytes + a->used;
	a->used += n;
	return p;
}

struct str op_batch_copy(struct op_batch *b, struct str s)
{
	char *p = op_batch_room(b, s.n);

	if (!p)
		return (struct str){NULL, 0};
	if (s.n)
		memcpy(p, s.p, s.n);
	return (struct str){p, s.n};
}

void op_batch_free(struct op_batch *b)
{
	if (!b)
		return;
	while (b->arena) {
		struct op_arena *next = b->arena->next;
		free(b->arena);
		b->arena = next;
	}
	free(b->ops);
	free(b);
}

void queue_enqueue(struct queue *q, struct op_batch *b)
{
	q->ops->enqueue(q, b);
}

void queue_stop(struct queue *q)
{
	q->ops->stop(q);
}

bool queue_room(struct queue *q)
{
	return q->ops->room(q);
}

struct queue_depth queue_depth(struct queue *q)
{
	return q->ops->depth(q);
}

bool queue_ready(struct queue *q)
{
	return q->ops->ready(q);
}

void queue_free(struct queue *q)
{
	if (q)
		q->ops->free(q);
}
