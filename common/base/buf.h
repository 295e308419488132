/* A growing byte buffer with a maximum from birth. When an addition would pass the maximum, or memory
 * runs out, nothing is added, the buffer is marked failed, and every later addition is refused too: so a
 * writer may add many pieces and check once at the end. Owner: whoever embeds it. Threads: none of its own. */
#ifndef CHAT_BASE_BUF_H
#define CHAT_BASE_BUF_H
#include "common/base/str.h"
#include <stdint.h>

struct buf {
	char *data; /* heap, or NULL while cap is 0; not NUL-terminated */
	size_t len; /* bytes used */
	size_t cap; /* bytes allocated */
	size_t max; /* bytes, the limit of len */
	bool failed;
};

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b); /* frees the memory; the buffer is then as after buf_init with the same max */
void buf_reset(struct buf *b);   /* len 0, not failed; keeps the memory */
/* Room for n more bytes: a pointer to write them at (then add to len), or NULL. */
char *buf_reserve(struct buf *b, size_t n);
int buf_add(struct buf *b, const void *p, size_t n); /* 0, or -1 when full or out of memory */
int buf_addc(struct buf *b, char c);
int buf_adds(struct buf *b, const char *cstr);
int buf_addstr(struct buf *b, struct str s);
int buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
enum { DECIMAL_MAX = 20 };
struct str decimal(uint64_t v, char room[DECIMAL_MAX]); /* its digits, somewhere in room */
int buf_addu(struct buf *b, uint64_t v);                /* decimal */
void buf_consume(struct buf *b, size_t n);              /* drops the first n bytes */
static inline struct str buf_str(const struct buf *b)
{
	return (struct str){b->data, b->len};
}
#endif
