#include "common/base/buf.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void buf_release(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

char *buf_reserve(struct buf *b, size_t n)
{
	/* max may have been lowered since. */
	if (b->failed || b->len > b->max || n > b->max - b->len) {
		b->failed = true;
		return NULL;
	}
	if (b->cap - b->len < n) {
		size_t cap = b->cap ? b->cap : 256;
		while (cap - b->len < n)
			cap *= 2;
		if (cap > b->max)
			cap = b->max;
		char *p = realloc(b->data, cap);
		if (!p) {
			b->failed = true;
			return NULL;
		}
		b->data = p;
		b->cap = cap;
	}
	return b->data + b->len;
}

int buf_add(struct buf *b, const void *p, size_t n)
{
	if (n == 0)
		return b->failed ? -1 : 0;
	char *to = buf_reserve(b, n);
	if (!to)
		return -1;
	memcpy(to, p, n);
	b->len += n;
	return 0;
}

int buf_addc(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

int buf_adds(struct buf *b, const char *cstr)
{
	return buf_add(b, cstr, strlen(cstr));
}

int buf_addstr(struct buf *b, struct str s)
{
	return buf_add(b, s.p, s.n);
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list args;
	char small[256];

	va_start(args, fmt);
	int n = vsnprintf(small, sizeof small, fmt, args);
	va_end(args);
	if (n < 0) {
		b->failed = true;
		return -1;
	}
	if ((size_t)n < sizeof small)
		return buf_add(b, small, (size_t)n);
	char *to = buf_reserve(b, (size_t)n + 1);
	if (!to)
		return -1;
	va_start(args, fmt);
	vsnprintf(to, (size_t)n + 1, fmt, args);
	va_end(args);
	b->len += (size_t)n;
	return 0;
}

struct str decimal(uint64_t v, char room[DECIMAL_MAX])
{
	size_t at = DECIMAL_MAX;

	do {
		room[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return (struct str){room + at, DECIMAL_MAX - at};
}

int buf_addu(struct buf *b, uint64_t v)
{
	char room[DECIMAL_MAX];

	return buf_addstr(b, decimal(v, room));
}

void buf_consume(struct buf *b, size_t n)
{
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}
