/* A borrowed run of bytes. Never owns, never NUL-terminated; valid as long as what it points into. */
#ifndef CHAT_BASE_STR_H
#define CHAT_BASE_STR_H
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})

static inline struct str str_of(const char *cstr)
{
	return (struct str){cstr, strlen(cstr)};
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_is(struct str a, const char *cstr)
{
	return str_eq(a, str_of(cstr));
}
#endif
