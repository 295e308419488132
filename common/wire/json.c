#include "common/wire/json.h"

/* Where the scan stands. Every scan_* moves p behind what it read, or sets why and answers -1. */
struct scan {
	const char *p, *end, *begin;
	const char *why;
};

struct key {
	const char *p;
	size_t n;
	bool escaped;
};

static int refuse(struct scan *s, const char *why)
{
	if (!s->why)
		s->why = why;
	return -1;
}

static void skip_space(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t'))
		s->p++;
}

/* Bytes of a UTF-8 sequence at p (RFC 3629: no surrogates, nothing overlong, at most U+10FFFF), or 0. */
static size_t utf8_sequence(const char *at, const char *end)
{
	const unsigned char *p = (const unsigned char *)at;
	size_t left = (size_t)(end - at);

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	size_t n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (left < n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
		(p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

bool utf8_ok(struct str text)
{
	const char *p = text.p, *end = text.p + text.n;

	while (p < end) {
		size_t n = *p ? utf8_sequence(p, end) : 0;
		if (n == 0)
			return false;
		p += n;
	}
	return true;
}

size_t utf8_chars(struct str text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += ((unsigned char)text.p[i] & 0xc0) != 0x80;
	return n;
}

static int hex4(const char *p, unsigned *out)
{
	unsigned v = 0;

	for (int i = 0; i < 4; i++) {
		char c = p[i];
		unsigned d = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
			     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
			     : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
						    : 16;
		if (d == 16)
			return -1;
		v = v << 4 | d;
	}
	*out = v;
	return 0;
}

/* \uXXXX, and its low surrogate if it is a high one; p stands behind the u. */
static int scan_unicode(struct scan *s)
{
	unsigned v, low;

	if (s->end - s->p < 4 || hex4(s->p, &v))
		return refuse(s, "a \\u escape needs four hexadecimal digits");
	s->p += 4;
	if (v == 0)
		return refuse(s, "\\u0000 is not allowed");
	if (v >= 0xdc00 && v <= 0xdfff)
		return refuse(s, "lone surrogate");
	if (v < 0xd800 || v > 0xdbff)
		return 0;
	if (s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u' || hex4(s->p + 2, &low) || low < 0xdc00 ||
		low > 0xdfff)
		return refuse(s, "lone surrogate");
	s->p += 6;
	return 0;
}

static int scan_escape(struct scan *s)
{
	if (s->end - s->p < 2)
		return refuse(s, "unfinished string");
	char c = s->p[1];
	s->p += 2;
	if (c == 'u')
		return scan_unicode(s);
	return memchr("\"\\/bfnrt", c, 8) ? 0 : refuse(s, "unknown escape");
}

/* True when none of the eight bytes ends a clean run: quote, backslash, control, or beyond ASCII. */
static bool clean8(const char *p)
{
	uint64_t w;
	const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;

	memcpy(&w, p, 8);
	uint64_t quote = w ^ (ones * '"'), slash = w ^ (ones * '\\');
	uint64_t bad = w | (w - ones * 0x20) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash);
	return !(bad & high);
}

/* p stands behind the opening quote; afterwards behind the closing one. */
static int scan_string(struct scan *s, struct key *out)
{
	out->p = s->p;
	out->escaped = false;
	for (;;) {
		while (s->end - s->p >= 8 && clean8(s->p))
			s->p += 8;
		if (s->p == s->end)
			return refuse(s, "unfinished string");
		unsigned char c = (unsigned char)*s->p;
		if (c == '"')
			break;
		if (c == '\\') {
			out->escaped = true;
			if (scan_escape(s))
				return -1;
		} else if (c < 0x20) {
			return refuse(s, "control character in a string");
		} else {
			size_t n = utf8_sequence(s->p, s->end);
			if (n == 0)
				return refuse(s, "invalid UTF-8");
			s->p += n;
		}
	}
	out->n = (size_t)(s->p - out->p);
	s->p++;
	return 0;
}

static size_t scan_digits(struct scan *s)
{
	const char *from = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return (size_t)(s->p - from);
}

static int scan_number(struct scan *s)
{
	if (*s->p == '-')
		s->p++;
	bool zero = s->p < s->end && *s->p == '0';
	size_t n = scan_digits(s);
	if (n == 0 || (zero && n > 1))
		return refuse(s, "bad number");
	if (s->p < s->end && *s->p == '.') {
		s->p++;
		if (scan_digits(s) == 0)
			return refuse(s, "bad number");
	}
	if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		if (scan_digits(s) == 0)
			return refuse(s, "bad number");
	}
	return 0;
}

static int scan_word(struct scan *s, const char *word, size_t n)
{
	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
		return refuse(s, "unknown word");
	s->p += n;
	return 0;
}

static int scan_value(struct scan *s, unsigned depth, struct json_value *v);

/* A decoder of one string, used for comparing keys and for json_text(). */
static size_t decode(const char *p, size_t n, char *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *end = p + n;
	char *o = out;

	while (p < end) {
		if (*p != '\\') {
			*o++ = *p++;
			continue;
		}
		if (p[1] != 'u') {
			*o++ = to[strchr(from, p[1]) - from];
			p += 2;
			continue;
		}
		unsigned v = 0, low = 0;
		(void)hex4(p + 2, &v);
		p += 6;
		if (v >= 0xd800 && v <= 0xdbff) {
			(void)hex4(p + 2, &low);
			p += 6;
			v = 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
		}
		if (v < 0x80) {
			*o++ = (char)v;
		} else if (v < 0x800) {
			*o++ = (char)(0xc0 | v >> 6);
			*o++ = (char)(0x80 | (v & 63));
		} else if (v < 0x10000) {
			*o++ = (char)(0xe0 | v >> 12);
			*o++ = (char)(0x80 | (v >> 6 & 63));
			*o++ = (char)(0x80 | (v & 63));
		} else {
			*o++ = (char)(0xf0 | v >> 18);
			*o++ = (char)(0x80 | (v >> 12 & 63));
			*o++ = (char)(0x80 | (v >> 6 & 63));
			*o++ = (char)(0x80 | (v & 63));
		}
	}
	return (size_t)(o - out);
}

enum { KEY_ESCAPED_MAX = 256 };

/* Equal once decoded? A key with escapes longer than KEY_ESCAPED_MAX is refused where it is read. */
static bool key_eq(const struct key *a, const struct key *b)
{
	char x[KEY_ESCAPED_MAX], y[KEY_ESCAPED_MAX];

	if (!a->escaped && !b->escaped)
		return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
	struct str u = {a->p, a->n}, v = {b->p, b->n};
	if (a->escaped)
		u = (struct str){x, decode(a->p, a->n, x)};
	if (b->escaped)
		v = (struct str){y, decode(b->p, b->n, y)};
	return str_eq(u, v);
}

static int scan_key(struct scan *s, struct key *keys, size_t n)
{
	if (s->p == s->end || *s->p != '"')
		return refuse(s, "a member needs a name in quotes");
	s->p++;
	if (n == JSON_MEMBERS)
		return refuse(s, "too many members");
	if (scan_string(s, &keys[n]))
		return -1;
	if (keys[n].escaped && keys[n].n > KEY_ESCAPED_MAX)
		return refuse(s, "member name too long");
	for (size_t i = 0; i < n; i++)
		if (key_eq(&keys[i], &keys[n]))
			return refuse(s, "duplicate member");
	skip_space(s);
	if (s->p == s->end || *s->p != ':')
		return refuse(s, "a colon is missing");
	s->p++;
	skip_space(s);
	return 0;
}

static struct json_value *wanted(const struct key *k, const char *const names[], struct json_value values[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct key name = {names[i], strlen(names[i]), false};
		if (key_eq(k, &name))
			return &values[i];
	}
	return NULL;
}

/* p stands behind the bracket that opens a container. */
static bool scan_empty(struct scan *s, char close)
{
	skip_space(s);
	if (s->p == s->end || *s->p != close)
		return false;
	s->p++;
	return true;
}

/* Behind an element: 1 another one follows, 0 the container ends, -1. */
static int scan_next(struct scan *s, char close)
{
	skip_space(s);
	if (s->p == s->end)
		return refuse(s, close == '}' ? "unfinished object" : "unfinished array");
	char c = *s->p++;
	if (c == close)
		return 0;
	if (c != ',')
		return refuse(s, "a comma is missing");
	skip_space(s);
	return 1;
}

/* p stands behind the brace. Members that are asked for go to values; all are validated. */
static int scan_object(struct scan *s, unsigned depth, const char *const names[], struct json_value values[], size_t n)
{
	struct key keys[JSON_MEMBERS];
	size_t have = 0;

	if (depth > JSON_DEPTH)
		return refuse(s, "nested too deeply");
	int more = !scan_empty(s, '}');
	while (more > 0) {
		struct json_value ignored;
		if (scan_key(s, keys, have))
			return -1;
		struct json_value *v = wanted(&keys[have++], names, values, n);
		more = scan_value(s, depth, v ? v : &ignored) ? -1 : scan_next(s, '}');
	}
	return more;
}

static int scan_array(struct scan *s, unsigned depth)
{
	struct json_value ignored;

	if (depth > JSON_DEPTH)
		return refuse(s, "nested too deeply");
	int more = !scan_empty(s, ']');
	while (more > 0)
		more = scan_value(s, depth, &ignored) ? -1 : scan_next(s, ']');
	return more;
}

/* depth: how many containers are open around the value. */
static int scan_value(struct scan *s, unsigned depth, struct json_value *v)
{
	const char *from = s->p;
	struct key text;
	int rc;

	if (s->p == s->end)
		return refuse(s, "a value is missing");
	v->escaped = false;
	switch (*s->p) {
	case '"':
		s->p++;
		v->type = JSON_STRING;
		rc = scan_string(s, &text);
		v->escaped = text.escaped;
		v->raw = (struct str){text.p, text.n};
		return rc;
	case '{':
		s->p++;
		v->type = JSON_OBJECT;
		rc = scan_object(s, depth + 1, NULL, NULL, 0);
		break;
	case '[':
		s->p++;
		v->type = JSON_ARRAY;
		rc = scan_array(s, depth + 1);
		break;
	case 't':
		v->type = JSON_BOOL;
		rc = scan_word(s, "true", 4);
		break;
	case 'f':
		v->type = JSON_BOOL;
		rc = scan_word(s, "false", 5);
		break;
	case 'n':
		v->type = JSON_NULL;
		rc = scan_word(s, "null", 4);
		break;
	default:
		v->type = JSON_NUMBER;
		rc = *s->p == '-' || (*s->p >= '0' && *s->p <= '9') ? scan_number(s) : refuse(s, "not a JSON value");
	}
	v->raw = (struct str){from, (size_t)(s->p - from)};
	return rc;
}

static struct scan begin(struct str doc)
{
	struct scan s = {doc.p, doc.p + doc.n, doc.p, NULL};

	skip_space(&s);
	return s;
}

static int finish(struct scan *s, int rc, struct json_error *err)
{
	if (rc == 0) {
		skip_space(s);
		if (s->p < s->end)
			rc = refuse(s, "bytes after the end");
	}
	if (rc)
		*err = (struct json_error){s->why, (size_t)(s->p - s->begin)};
	return rc;
}

int json_check(struct str doc, enum json_type *type, struct json_error *err)
{
	struct scan s = begin(doc);
	struct json_value v = {0};
	int rc = scan_value(&s, 0, &v);

	*type = v.type;
	return finish(&s, rc, err);
}

static void clear(struct json_value values[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		values[i].type = JSON_NONE;
}

int json_object(struct str doc, const char *const names[], struct json_value values[], size_t n, struct json_error *err)
{
	struct scan s = begin(doc);

	clear(values, n);
	if (s.p == s.end || *s.p != '{')
		return finish(&s, refuse(&s, "an object is needed"), err);
	s.p++;
	return finish(&s, scan_object(&s, 1, names, values, n), err);
}

bool json_is_array(struct str doc)
{
	struct scan s = begin(doc);

	return s.p < s.end && *s.p == '[';
}

int json_array_begin(struct json_array *a, struct str doc, struct json_error *err)
{
	struct scan s = begin(doc);

	if (s.p == s.end || *s.p != '[')
		return finish(&s, refuse(&s, "an array is needed"), err);
	*a = (struct json_array){doc, (size_t)(s.p + 1 - doc.p), true};
	return 0;
}

/* Moves to the next element: 1, or 0 at the end, or -1. */
static int to_element(struct json_array *a, struct scan *s, struct json_error *err)
{
	*s = (struct scan){a->doc.p + a->at, a->doc.p + a->doc.n, a->doc.p, NULL};
	skip_space(s);
	if (s->p < s->end && *s->p == ']') {
		s->p++;
		return finish(s, 0, err);
	}
	if (!a->first) {
		if (s->p == s->end || *s->p != ',')
			return finish(s, refuse(s, "a comma or the end of the array is missing"), err);
		s->p++;
		skip_space(s);
	}
	a->first = false;
	return 1;
}

int json_array_next(struct json_array *a, struct str *element, enum json_type *type, struct json_error *err)
{
	struct scan s;
	struct json_value v;
	int rc = to_element(a, &s, err);

	if (rc <= 0)
		return rc;
	const char *from = s.p;
	if (scan_value(&s, 1, &v))
		return finish(&s, -1, err);
	*element = (struct str){from, (size_t)(s.p - from)};
	*type = v.type;
	a->at = (size_t)(s.p - a->doc.p);
	return 1;
}

int json_array_next_object(struct json_array *a, const char *const names[], struct json_value values[], size_t n,
	enum json_type *type, struct json_error *err)
{
	struct scan s;
	struct json_value v = {.type = JSON_OBJECT};
	int rc = to_element(a, &s, err);

	if (rc <= 0)
		return rc;
	clear(values, n);
	if (s.p < s.end && *s.p == '{') {
		s.p++;
		rc = scan_object(&s, 2, names, values, n);
	} else {
		rc = scan_value(&s, 1, &v);
	}
	if (rc)
		return finish(&s, -1, err);
	*type = v.type;
	a->at = (size_t)(s.p - a->doc.p);
	return 1;
}

struct str json_text(const struct json_value *v, char *scratch)
{
	if (!v->escaped)
		return v->raw;
	return (struct str){scratch, decode(v->raw.p, v->raw.n, scratch)};
}

int json_int(const struct json_value *v, int64_t min, int64_t max, int64_t *out)
{
	int64_t n = 0;

	if (v->type != JSON_NUMBER || v->raw.n > 20)
		return -1;
	const char *p = v->raw.p, *end = p + v->raw.n;
	bool negative = *p == '-';
	for (p += negative; p < end; p++) {
		if (*p < '0' || *p > '9' || __builtin_mul_overflow(n, 10, &n) ||
			__builtin_sub_overflow(n, *p - '0', &n))
			return -1;
	}
	/* Counted downwards, for the least int64_t has no positive twin. */
	if (!negative && __builtin_sub_overflow((int64_t)0, n, &n))
		return -1;
	if (n < min || n > max)
		return -1;
	*out = n;
	return 0;
}

int json_bool(const struct json_value *v, bool *out)
{
	if (v->type != JSON_BOOL)
		return -1;
	*out = *v->raw.p == 't';
	return 0;
}

static int add_escaped(struct buf *b, unsigned char c)
{
	static const char hex[] = "0123456789abcdef", plain[] = "\"\\\b\f\n\r\t", word[] = "\"\\bfnrt";
	const char *at = c ? strchr(plain, c) : NULL;
	char out[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

	if (!at)
		return buf_add(b, out, 6);
	out[1] = word[at - plain];
	return buf_add(b, out, 2);
}

/* Bytes that stand for themselves between quotes: all but quote, backslash and controls. */
static bool plain8(const char *p)
{
	uint64_t w;
	const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;

	memcpy(&w, p, 8);
	uint64_t quote = w ^ (ones * '"'), slash = w ^ (ones * '\\');
	uint64_t bad = ((w - ones * 0x20) & ~w) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash);
	return !(bad & high);
}

int json_add_string(struct buf *b, struct str text)
{
	const char *p = text.p, *end = text.p + text.n, *run = p;

	if (!buf_reserve(b, text.n + 2))
		return -1;
	buf_addc(b, '"');
	while (p < end) {
		while (end - p >= 8 && plain8(p))
			p += 8;
		if (p == end)
			break;
		unsigned char c = (unsigned char)*p;
		if (c >= 0x20 && c != '"' && c != '\\') {
			p++;
			continue;
		}
		buf_add(b, run, (size_t)(p - run));
		add_escaped(b, c);
		run = ++p;
	}
	buf_add(b, run, (size_t)(end - run));
	return buf_addc(b, '"');
}
