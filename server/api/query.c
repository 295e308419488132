#include "server/api/query.h"

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes "%xx" and "+" in place. */
static int decode(char *p, size_t n, struct str *out)
{
	char *to = p, *from = p;

	for (; from < p + n; from++, to++) {
		if (*from != '%') {
			*to = *from == '+' ? ' ' : *from;
			continue;
		}
		if (p + n - from < 3 || hex(from[1]) < 0 || hex(from[2]) < 0)
			return -1;
		*to = (char)(hex(from[1]) << 4 | hex(from[2]));
		from += 2;
	}
	*out = (struct str){p, (size_t)(to - p)};
	return 0;
}

static int take(char *p, size_t n, const char *const names[], struct str values[], size_t count)
{
	char *eq = memchr(p, '=', n);
	size_t name_n = eq ? (size_t)(eq - p) : n;
	char *value = eq ? eq + 1 : p + n;
	struct str name, text;

	if (decode(value, (size_t)(p + n - value), &text) || decode(p, name_n, &name))
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (!str_is(name, names[i]))
			continue;
		if (values[i].p)
			return -1;
		values[i] = text;
	}
	return 0;
}

int query_read(char *text, const char *const names[], struct str values[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		values[i] = (struct str){NULL, 0};
	while (*text) {
		size_t len = strcspn(text, "&");
		char *next = text + len + (text[len] ? 1 : 0);
		if (take(text, len, names, values, n))
			return -1;
		text = next;
	}
	return 0;
}

int query_uint(struct str text, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (text.n == 0 || text.n > 9)
		return -1;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return -1;
		v = v * 10 + (uint64_t)(text.p[i] - '0');
	}
	if (v < min || v > max)
		return -1;
	*out = v;
	return 0;
}
