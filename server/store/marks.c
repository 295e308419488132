/* Sets of marked messages: a watermark and runs above it. Pure. */
#include "common/base/need.h"
#include "server/store/heads.h"
#include <stdlib.h>

/* The first span whose hi is at or above ordinal. */
static uint32_t span_at(const struct span_list *l, uint32_t ordinal)
{
	uint32_t lo = 0, hi = l ? l->n : 0;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (l->span[mid].hi < ordinal)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool marks_cover(const struct marks *m, uint32_t ordinal)
{
	if (ordinal <= m->upto)
		return true;
	if (!m->spans)
		return false;
	uint32_t i = span_at(m->spans, ordinal);
	return i < m->spans->n && m->spans->span[i].lo <= ordinal;
}

uint32_t marks_count(const struct marks *m)
{
	uint32_t count = m->upto;

	for (uint32_t i = 0; m->spans && i < m->spans->n; i++)
		count += m->spans->span[i].hi - m->spans->span[i].lo + 1;
	return count;
}

static void spans_drop(struct span_list *l, uint32_t from, uint32_t n)
{
	memmove(l->span + from, l->span + from + n, (l->n - from - n) * sizeof l->span[0]);
	l->n -= n;
}

static void drop_if_empty(struct marks *m)
{
	if (m->spans && m->spans->n == 0) {
		free(m->spans);
		m->spans = NULL;
	}
}

static void raise_watermark(struct marks *m, uint32_t ordinal, struct place at)
{
	struct span_list *l = m->spans;

	if (ordinal > m->upto) {
		m->upto = ordinal;
		m->pos = at.pos;
		m->crc = at.crc;
	}
	if (!l)
		return;
	uint32_t gone = 0;
	while (gone < l->n && l->span[gone].lo <= m->upto + 1) {
		if (l->span[gone].hi > m->upto) {
			m->upto = l->span[gone].hi;
			m->pos = l->span[gone].at.pos;
			m->crc = l->span[gone].at.crc;
		}
		gone++;
	}
	spans_drop(l, 0, gone);
	drop_if_empty(m);
}

static int spans_room(struct marks *m, uint32_t most)
{
	uint32_t n = m->spans ? m->spans->n : 0, cap = m->spans ? m->spans->cap : 0;

	if (n >= most)
		return -1;
	if (n < cap)
		return 0;
	cap = cap ? cap * 2 : 4;
	size_t size = sizeof *m->spans + cap * sizeof m->spans->span[0];
	struct span_list *l = most == UINT32_MAX ? need_realloc(m->spans, size) : realloc(m->spans, size);
	if (!l)
		return -1;
	l->n = n;
	l->cap = cap;
	m->spans = l;
	return 0;
}

static int add_alone(struct marks *m, uint32_t ordinal, struct place at, uint32_t most)
{
	if (spans_room(m, most))
		return -1;
	struct span_list *l = m->spans;
	uint32_t i = span_at(l, ordinal); /* the first span behind it */
	bool joins_before = i > 0 && l->span[i - 1].hi + 1 == ordinal;
	bool joins_after = i < l->n && l->span[i].lo == ordinal + 1;

	if (joins_before && joins_after) {
		l->span[i].lo = l->span[i - 1].lo;
		spans_drop(l, i - 1, 1);
	} else if (joins_before) {
		l->span[i - 1].hi = ordinal;
		l->span[i - 1].at = at;
	} else if (joins_after) {
		l->span[i].lo = ordinal;
	} else {
		memmove(l->span + i + 1, l->span + i, (l->n - i) * sizeof l->span[0]);
		l->span[i] = (struct span){ordinal, ordinal, at};
		l->n++;
	}
	return 0;
}

static int add(struct marks *m, uint32_t ordinal, struct place at, bool up_to, uint32_t most)
{
	if (marks_cover(m, ordinal) && (!up_to || ordinal <= m->upto))
		return 0;
	if (!up_to && ordinal != m->upto + 1)
		return add_alone(m, ordinal, at, most);
	raise_watermark(m, ordinal, at);
	return 0;
}

int marks_add(struct marks *m, uint32_t ordinal, struct place at, bool up_to)
{
	return add(m, ordinal, at, up_to, SPANS_MAX);
}

int marks_apply(struct marks *m, uint32_t ordinal, struct place at, bool up_to)
{
	return add(m, ordinal, at, up_to, UINT32_MAX);
}

int marks_copy(struct marks *to, const struct marks *from)
{
	*to = *from;
	if (!from->spans)
		return 0;
	size_t size = sizeof *from->spans + from->spans->cap * sizeof from->spans->span[0];
	to->spans = malloc(size);
	if (!to->spans)
		return -1;
	memcpy(to->spans, from->spans, sizeof *from->spans + from->spans->n * sizeof from->spans->span[0]);
	return 0;
}

void marks_release(struct marks *m)
{
	free(m->spans);
	m->spans = NULL;
}
