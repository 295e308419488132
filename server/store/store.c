#include "server/store/store.h"
#include "common/base/array.h"
#include <stdlib.h>

struct page_block {
	struct page_block *next;
	_Alignas(8) uint8_t bytes[];
};

void page_init(struct page *p)
{
	*p = (struct page){0};
}

void page_release(struct page *p)
{
	while (p->blocks) {
		struct page_block *next = p->blocks->next;
		free(p->blocks);
		p->blocks = next;
	}
	free(p->items);
	page_init(p);
}

struct stored *page_add(struct page *p, const struct record *rec, const uint8_t *bytes)
{
	struct stored *items = array_room(p->items, p->n, &p->cap, sizeof *items, 16);

	if (!items)
		return NULL;
	p->items = items;
	struct page_block *b = malloc(sizeof *b + rec->len);
	if (!b)
		return NULL;
	memcpy(b->bytes, bytes, rec->len);
	b->next = p->blocks;
	p->blocks = b;
	struct stored *s = &p->items[p->n++];
	*s = (struct stored){.rec = *rec};
	s->rec.client_id.p = (const char *)b->bytes + RECORD_HEAD;
	s->rec.body.p = s->rec.client_id.p + s->rec.client_id.n;
	return s;
}

int store_apply(struct store *s, const struct commit *c)
{
	return s->ops->apply(s, c);
}

struct place store_head(struct store *s, uint32_t user)
{
	return s->ops->head(s, user);
}

uint64_t store_unread_total(struct store *s, uint32_t user)
{
	return s->ops->unread_total(s, user);
}

int store_get(struct store *s, struct place at, struct page *out)
{
	return s->ops->get(s, at, out);
}

int store_stream(struct store *s, uint32_t user, struct place after, uint32_t limit, enum stream_answer *answer,
	struct page *out)
{
	return s->ops->stream(s, user, after, limit, answer, out);
}

int store_unread(struct store *s, uint32_t user, uint32_t from, uint64_t after, uint32_t limit, struct page *out)
{
	return s->ops->unread(s, user, from, after, limit, out);
}

int store_history(struct store *s, const struct history_query *q, enum stream_answer *answer, struct page *out)
{
	return s->ops->history(s, q, answer, out);
}

int store_conversations(
	struct store *s, uint32_t user, struct place after, uint32_t limit, struct conversation *list, struct page *out)
{
	return s->ops->conversations(s, user, after, limit, list, out);
}

void store_free(struct store *s)
{
	if (s)
		s->ops->free(s);
}
