/* The hot path of a measurement, and no part of chatd: growing byte strings, WebSocket frames, and a scanner that finds the members of
 * interest in a JSON object without building anything. It never reads past the end, and does not care whether the rest is well-formed. */
#ifndef CHAT_BENCH_WIRE_H
#define CHAT_BENCH_WIRE_H
#include "common/base/str.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Zero at first. Memory that runs out ends the program: it measures, it serves nobody. */
struct bytes {
	char *p;
	size_t n, room;
};
static inline char *bytes_reserve(struct bytes *b, size_t more)
{
	if (b->n + more > b->room) {
		b->room = (b->n + more) * 2;
		b->p = realloc(b->p, b->room);
		if (!b->p)
			abort();
	}
	return b->p + b->n;
}
static inline void bytes_add(struct bytes *b, const char *p, size_t n)
{
	if (n)
		memcpy(bytes_reserve(b, n), p, n);
	b->n += n;
}
static inline void bytes_adds(struct bytes *b, const char *s)
{
	bytes_add(b, s, strlen(s));
}
static inline void bytes_addu(struct bytes *b, uint64_t v)
{
	char digits[20];
	unsigned at = sizeof digits;

	do
		digits[--at] = (char)('0' + v % 10);
	while ((v /= 10));
	bytes_add(b, digits + at, sizeof digits - at);
}
/* Drops the first n bytes. */
static inline void bytes_drop(struct bytes *b, size_t n)
{
	if (n && n < b->n)
		memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}

static inline void hex_put(char *to, unsigned digits, uint64_t v)
{
	while (digits--) {
		to[digits] = "0123456789abcdef"[v & 15];
		v >>= 4;
	}
}
/* False when one of them is no hexadecimal digit. */
static inline bool hex_get(const char *p, unsigned digits, uint64_t *out)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < digits; i++) {
		unsigned c = (unsigned char)p[i], d = c - '0' < 10 ? c - '0' : c - 'a' < 6 ? c - 'a' + 10 : 16;
		if (d == 16)
			return false;
		v = v << 4 | d;
	}
	*out = v;
	return true;
}

enum { FRAME_TEXT = 1, FRAME_CLOSE = 8, FRAME_PING = 9, FRAME_PONG = 10, FRAME_HEAD_MAX = 14 };
struct frame {
	unsigned opcode;
	bool final;
	char *payload; /* unmasked in place */
	size_t n;
};

static inline void frame_mask(char *p, size_t n, uint32_t key)
{
	uint64_t wide = (uint64_t)key << 32 | key, word;
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		memcpy(&word, p + i, 8);
		word ^= wide;
		memcpy(p + i, &word, 8);
	}
	for (; i < n; i++)
		p[i] ^= (char)(key >> 8 * (i & 3));
}

/* Bytes of the whole frame at p, or 0 when it is not there yet. */
static inline size_t frame_read(char *p, size_t n, struct frame *f)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t head = 2, extra;

	if (n < 2)
		return 0;
	extra = (u[1] & 127) == 127 ? 8 : (u[1] & 127) == 126 ? 2 : 0;
	if (n < head + extra + (u[1] >> 7) * 4u)
		return 0;
	f->n = extra ? 0 : u[1] & 127;
	for (size_t i = 0; i < extra; i++)
		f->n = f->n << 8 | u[head + i];
	head += extra + (u[1] >> 7) * 4u;
	if (n < head || n - head < f->n)
		return 0;
	f->opcode = u[0] & 15;
	f->final = u[0] >> 7;
	f->payload = p + head;
	if (u[1] >> 7) {
		uint32_t key;
		memcpy(&key, p + head - 4, 4);
		frame_mask(f->payload, f->n, key);
	}
	return head + f->n;
}

/* Appends a final frame; masked with the key, or as a server sends it when masked is false. */
static inline void frame_write(struct bytes *out, unsigned opcode, const char *p, size_t n, bool masked, uint32_t key)
{
	unsigned char head[FRAME_HEAD_MAX];
	unsigned extra = n > 65535 ? 8 : n > 125 ? 2 : 0;

	head[0] = (unsigned char)(0x80 | opcode);
	head[1] = (unsigned char)((extra == 8 ? 127 : extra == 2 ? 126 : n) | (masked ? 128 : 0));
	for (unsigned i = 0; i < extra; i++)
		head[2 + i] = (unsigned char)(n >> 8 * (extra - 1 - i));
	if (masked)
		memcpy(head + 2 + extra, &key, 4);
	bytes_add(out, (char *)head, 2 + extra + (masked ? 4 : 0));
	bytes_add(out, p, n);
	if (masked)
		frame_mask(out->p + out->n - n, n, key);
}

/* The members that a measurement looks at, of an object and of the objects in it. */
struct item {
	struct str op, ev, to, from, body, id, client_id, cursor, prev, code, token, with, up_to, state;
	uint64_t ref, status;
	bool has_ref, recovered; /* recovered: the member is true */
};

static inline void item_text(struct item *it, struct str key, struct str value)
{
	static const struct {
		const char *name;
		size_t n, at;
	} members[] = {
#define MEMBER(x) {#x, sizeof #x - 1, offsetof(struct item, x)}
		MEMBER(ev),
		MEMBER(op),
		MEMBER(id),
		MEMBER(to),
		MEMBER(from),
		MEMBER(body),
		MEMBER(prev),
		MEMBER(code),
		MEMBER(cursor),
		MEMBER(client_id),
		MEMBER(token),
		MEMBER(with),
		MEMBER(up_to),
		MEMBER(state),
#undef MEMBER
	};
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		if (members[i].n == key.n && memcmp(members[i].name, key.p, key.n) == 0) {
			memcpy((char *)it + members[i].at, &value, sizeof value);
			return;
		}
}

/* The end quote of the string whose text begins at p, or NULL. */
static inline const char *string_end(const char *p, const char *end)
{
	for (const char *from = p; (p = memchr(p, '"', (size_t)(end - p))); p++) {
		const char *slash = p;
		while (slash > from && slash[-1] == '\\')
			slash--;
		if ((p - slash) % 2 == 0)
			return p;
	}
	return NULL;
}

static inline void item_number(struct item *it, struct str key, const char **p, const char *end)
{
	uint64_t v = 0;

	for (; *p < end && **p >= '0' && **p <= '9'; ++*p)
		v = v * 10 + (uint64_t)(**p - '0');
	if (str_is(key, "ref")) {
		it->ref = v;
		it->has_ref = true;
	} else if (str_is(key, "status")) {
		it->status = v;
	}
}

/* Reads the next object at or after *p, and moves *p past it. False: there is none. */
static inline bool item_next(const char **p, const char *end, struct item *it)
{
	const char *at = memchr(*p, '{', (size_t)(end - *p));
	struct str key = {0};
	unsigned depth = 0;

	memset(it, 0, sizeof *it);
	for (; at && at < end; at++) {
		if (*at == '{') {
			depth++;
			key.n = 0;
		} else if (*at == '}' && --depth == 0) {
			*p = at + 1;
			return true;
		} else if (*at == '"') {
			struct str text = {at + 1, 0};
			if (!(at = string_end(at + 1, end)))
				return false;
			text.n = (size_t)(at - text.p);
			if (at + 1 < end && at[1] == ':') {
				key = text;
				at++;
			} else if (key.n) {
				item_text(it, key, text);
				key.n = 0;
			}
		} else if (key.n && *at >= '0' && *at <= '9') {
			item_number(it, key, &at, end);
			key.n = 0;
			at--;
		} else if (key.n && *at == 't') {
			it->recovered |= str_is(key, "recovered");
			key.n = 0;
		}
	}
	return false;
}
#endif
