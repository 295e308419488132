#include "common/text/width.h"
#include <stdint.h>
#include <utf8proc.h>

/* The code point at the start of text (U+FFFD for a byte that is no UTF-8); its bytes. */
static size_t decode(struct str text, int32_t *c)
{
	utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text.p, (utf8proc_ssize_t)text.n, c);

	if (n > 0)
		return (size_t)n;
	*c = 0xfffd;
	return 1;
}

static struct str from(struct str text, size_t at)
{
	return (struct str){text.p + at, text.n - at};
}

static bool is_skin_tone(int32_t c)
{
	return c >= 0x1f3fb && c <= 0x1f3ff;
}

/* As terminals count: as wcwidth() does, which differs from utf8proc for spacing marks and the later parts of a Hangul syllable. */
static unsigned room_of(int32_t c)
{
	switch (utf8proc_category(c)) {
	case UTF8PROC_CATEGORY_CC:
	case UTF8PROC_CATEGORY_CF:
	case UTF8PROC_CATEGORY_CS:
	case UTF8PROC_CATEGORY_ZL:
	case UTF8PROC_CATEGORY_ZP:
	case UTF8PROC_CATEGORY_MN:
	case UTF8PROC_CATEGORY_ME:
		return 0;
	case UTF8PROC_CATEGORY_MC:
	case UTF8PROC_CATEGORY_CN:
		return 1;
	default:
		break;
	}
	if ((c >= 0x1160 && c <= 0x11ff) || (c >= 0xd7b0 && c <= 0xd7fb))
		return 0;
	int w = utf8proc_charwidth(c);
	return w > 2 ? 2 : w < 0 ? 0 : (unsigned)w;
}

static bool is_mark(int32_t c)
{
	utf8proc_category_t k = utf8proc_category(c);

	return k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_ME || (c >= 0x1160 && c <= 0x11ff) ||
	       (c >= 0xd7b0 && c <= 0xd7fb);
}

static bool is_selector(int32_t c)
{
	return (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0xe0100 && c <= 0xe01ef);
}

static void add(struct piece *p, const char *bytes, size_t n)
{
	size_t len = strlen(p->text);

	if (len + n < PIECE_MAX) {
		memcpy(p->text + len, bytes, n);
		p->text[len + n] = 0;
	}
}

size_t width_piece(struct str text, struct piece *p)
{
	int32_t c;
	unsigned marks = 0;

	*p = (struct piece){.columns = 0};
	if (text.n == 0)
		return 0;
	size_t at = decode(text, &c);
	if (text.p[0] == '\t' || text.p[0] == '\n') {
		add(p, " ", 1);
		p->columns = 1;
		return 1;
	}
	p->columns = room_of(c);
	if (p->columns == 0 && (!is_mark(c) || is_selector(c)))
		return at;
	if (p->columns == 0) { /* a mark without a base */
		add(p, " ", 1);
		p->columns = 1;
		marks++;
	}
	if (c == 0xfffd || utf8proc_category(c) == UTF8PROC_CATEGORY_CN)
		add(p, "\ufffd", 3);
	else
		add(p, text.p, at);
	while (at < text.n) {
		size_t n = decode(from(text, at), &c);
		bool joined = c == 0x200d && at + n < text.n;
		if (is_mark(c) && !is_selector(c) && room_of(c) == 0) {
			if (marks++ < PIECE_MARKS)
				add(p, text.p + at, n);
		} else if (!is_selector(c) && !joined && !(p->columns == 2 && is_skin_tone(c))) {
			break;
		}
		at += n;
	}
	return at;
}

size_t width_cluster(struct str text, unsigned *columns)
{
	int32_t before, c, state = 0;
	struct piece p;

	if (columns)
		*columns = 0;
	if (text.n == 0)
		return 0;
	size_t end = decode(text, &before);
	while (end < text.n) {
		size_t n = decode(from(text, end), &c);
		if (utf8proc_grapheme_break_stateful(before, c, &state))
			break;
		end += n;
		before = c;
	}
	for (size_t at = 0, n; columns && (n = width_piece((struct str){text.p + at, end - at}, &p)); at += n)
		*columns += p.columns;
	return end;
}

/* Clusters are found from the front only: begin at the start of the line, where there always is a boundary. */
size_t width_back(struct str text, size_t at)
{
	size_t line = at > 0 ? at - 1 : 0, n;

	while (line > 0 && text.p[line - 1] != '\n')
		line--;
	for (size_t p = line; p < at; p += n) {
		n = width_cluster(from(text, p), NULL);
		if (p + n >= at)
			return p;
	}
	return 0;
}

unsigned width_columns(struct str text)
{
	unsigned sum = 0, w;

	for (size_t n; (n = width_cluster(text, &w)); text = from(text, n))
		sum += w;
	return sum;
}

size_t width_fit(struct str text, unsigned columns, unsigned *used)
{
	size_t at = 0, n;
	unsigned sum = 0, w;

	while ((n = width_cluster(from(text, at), &w)) && sum + w <= columns) {
		sum += w;
		at += n;
	}
	if (used)
		*used = sum;
	return at;
}

size_t width_wrap(struct str text, unsigned columns, size_t *next, bool *more)
{
	size_t at = 0, n, blank = 0, behind = 0;
	unsigned sum = 0, w;

	*more = true;
	while ((n = width_cluster(from(text, at), &w)) > 0 && text.p[at] != '\n') {
		bool is_blank = text.p[at] == ' ' || text.p[at] == '\t';
		if (is_blank) {
			blank = behind == at ? blank : at;
			behind = at + n;
		}
		/* A blank may hang over the edge. */
		if (sum + w > columns && !is_blank) {
			*next = behind > 0 ? behind : at > 0 ? at : n;
			return behind > 0 && blank > 0 ? blank : *next;
		}
		sum += w;
		at += n;
	}
	*more = n > 0;
	*next = n > 0 ? at + 1 : at;
	/* Blanks at the end that hang over are not shown. */
	return sum > columns && behind == at && blank > 0 ? width_fit((struct str){text.p, at}, columns, NULL) : at;
}

bool width_is_word(struct str text)
{
	int32_t c;

	if (text.n == 0)
		return false;
	decode(text, &c);
	utf8proc_category_t k = utf8proc_category(c);
	return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_NO) || c == '_';
}

unsigned width_fold(struct str *text)
{
	int32_t c;

	if (text->n == 0)
		return 0;
	size_t n = decode(*text, &c);
	*text = from(*text, n);
	return (unsigned)utf8proc_tolower(c);
}
