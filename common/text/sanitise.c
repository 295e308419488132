#include "common/text/sanitise.h"

struct range {
	uint32_t first, last;
};

/* Shown as an escape. Sorted. */
static const struct range hidden[] = {
	{0x80, 0x9f}, {0xad, 0xad}, {0x61c, 0x61c}, {0x180e, 0x180e}, {0x200b, 0x200b}, {0x200e, 0x200f}, {0x2028, 0x202e},
	{0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0x1d173, 0x1d17a}, {0xe0000, 0xe007f}};

/* Combining marks as far as runs of them are used to smear a screen. Sorted. */
static const struct range combining[] = {
	{0x300, 0x36f}, {0x483, 0x489}, {0x591, 0x5bd}, {0x610, 0x61a}, {0x64b, 0x65f}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
	{0x20d0, 0x20ff}, {0xfe20, 0xfe2f}};

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

static void add_control(struct buf *out, unsigned char c)
{
	if (c == '\n' || c == '\t' || c == '\r')
		buf_addf(out, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
	else
		buf_addf(out, "\\x%02x", c);
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
		marks = mark ? marks + 1 : 0;
		if (mode == SANITISE_TEXT && (c == '\n' || c == '\t'))
			buf_addc(out, (char)c);
		else if (mode == SANITISE_TEXT && c == '\r' && p + 1 < end && p[1] == '\n')
			; /* the line ends with the newline */
		else if (c < 0x20 || c == 0x7f)
			add_control(out, (unsigned char)c);
		else if (c >= 0x80 && in_ranges(hidden, sizeof hidden / sizeof *hidden, c))
			buf_addf(out, "\\%c%04x", c > 0xffff ? 'U' : 'u', c);
		else if (marks <= SANITISE_COMBINING_MAX)
			buf_add(out, p, n);
		p += n;
	}
	return out->failed ? -1 : 0;
}
