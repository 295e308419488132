#include "common/text/sanitise.h"

struct range {
	uint32_t first, last;
};

/* Shown as an escape. Sorted. */
static const struct range hidden[] = {{0x80, 0x9f}, {0xad, 0xad}, {0x61c, 0x61c}, {0x180e, 0x180e}, {0x200b, 0x200b},
	{0x200e, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0x1d173, 0x1d17a},
	{0xe0000, 0xe007f}};

/* Marks that can be piled up to smear a screen, and what takes no room and so must not end a pile: joiners, variation selectors. Sorted. */
static const struct range combining[] = {{0x300, 0x36f}, {0x483, 0x489}, {0x591, 0x5bd}, {0x5bf, 0x5bf}, {0x5c1, 0x5c2},
	{0x5c4, 0x5c5}, {0x5c7, 0x5c7}, {0x610, 0x61a}, {0x64b, 0x65f}, {0x670, 0x670}, {0x6d6, 0x6dc}, {0x6df, 0x6e4},
	{0x6e7, 0x6e8}, {0x6ea, 0x6ed}, {0x8ca, 0x8e1}, {0x8e3, 0x8ff}, {0xe31, 0xe31}, {0xe34, 0xe3a}, {0xe47, 0xe4e},
	{0xeb1, 0xeb1}, {0xeb4, 0xebc}, {0xec8, 0xece}, {0xf71, 0xf7e}, {0xf80, 0xf84}, {0x180b, 0x180d},
	{0x180f, 0x180f}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200c, 0x200d}, {0x20d0, 0x20ff}, {0x2de0, 0x2dff},
	{0xa66f, 0xa672}, {0xa674, 0xa67d}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xe0100, 0xe01ef}};

static bool in_ranges(const struct range *r, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n && r[i].first <= c; i++)
		if (c <= r[i].last)
			return true;
	return false;
}

/* The code point at p: its length in bytes, or 0 when the bytes are no UTF-8 (RFC 3629). */
static size_t decode(const unsigned char *p, size_t left, uint32_t *c)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;

	if (n == 0 || n > left)
		return 0;
	*c = n == 1 ? p[0] : p[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 0x3f);
	}
	if (*c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c <= 0xdfff))
		return 0;
	return n;
}

static void add_control(struct buf *out, unsigned char c, enum sanitise_mode mode)
{
	if (mode == SANITISE_JSON)
		buf_addf(out, "\\u%04x", c);
	else if (c == '\n' || c == '\t' || c == '\r')
		buf_addf(out, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
	else
		buf_addf(out, "\\x%02x", c);
}

static void add_hidden(struct buf *out, uint32_t c, enum sanitise_mode mode)
{
	if (c <= 0xffff)
		buf_addf(out, "\\u%04x", c);
	else if (mode == SANITISE_JSON)
		buf_addf(out, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
	else
		buf_addf(out, "\\U%04x", c);
}

/* Newline and tab are blanks of a text, and of JSON outside its strings; a carriage return only where a newline follows it. */
static bool passes(uint32_t c, const unsigned char *next, const unsigned char *end, enum sanitise_mode mode)
{
	return mode != SANITISE_LINE && (c == '\n' || c == '\t' || (c == '\r' && next < end && *next == '\n'));
}

int sanitise(struct buf *out, struct str text, enum sanitise_mode mode)
{
	const unsigned char *p = (const unsigned char *)text.p, *end = p + text.n;
	unsigned marks = 0;

	while (p < end) {
		uint32_t c;
		size_t n = decode(p, (size_t)(end - p), &c);
		if (n == 0) {
			buf_addf(out, "\\x%02x", *p);
			p++;
			continue;
		}
		bool mark = c >= 0x300 && in_ranges(combining, sizeof combining / sizeof *combining, c);
		marks = mark && mode != SANITISE_JSON ? marks + 1 : 0;
		if (passes(c, p + n, end, mode))
			buf_add(out, p, c == '\r' ? 0 : n);
		else if (c < 0x20 || c == 0x7f)
			add_control(out, (unsigned char)c, mode);
		else if (c >= 0x80 && in_ranges(hidden, sizeof hidden / sizeof *hidden, c))
			add_hidden(out, c, mode);
		else if (marks <= SANITISE_COMBINING_MAX)
			buf_add(out, p, n);
		p += n;
	}
	return out->failed ? -1 : 0;
}
