/* libFuzzer: text from peers on its way to a terminal. Whatever comes in, what goes out is UTF-8 without a control, a hidden or a turning
 * character, has no long run of marks, and does not change when it is made safe again; a buffer that is too small is never passed. */
#include "common/text/sanitise.h"
#include "common/wire/json.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE_MOST = 1 << 14, GROWTH = 4 /* most bytes out for one in: \xNN */ };

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* The code point at *p, which is valid UTF-8; p moves behind it. */
static uint32_t next(const char **p)
{
	unsigned char c = (unsigned char)*(*p)++;
	uint32_t v = c < 0x80 ? c : c < 0xe0 ? c & 31u : c < 0xf0 ? c & 15u : c & 7u;

	for (int n = c < 0xc0 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3; n > 0; n--)
		v = v << 6 | ((unsigned char)*(*p)++ & 63u);
	return v;
}

static bool harmful(uint32_t c, enum sanitise_mode mode)
{
	if (c == '\n' || c == '\t')
		return mode != SANITISE_TEXT;
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || c == 0x200b || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	       (c >= 0xe0000 && c <= 0xe007f);
}

static void must_be_safe(struct str text, enum sanitise_mode mode)
{
	int marks = 0;

	if (text.n == 0)
		return;
	must(utf8_ok(text));
	const char *p = text.p, *end = text.p + text.n;
	while (p < end) {
		uint32_t c = next(&p);
		must(!harmful(c, mode));
		marks = (c >= 0x300 && c <= 0x36f) || c == 0x200c || c == 0x200d || c == 0xfe0f ? marks + 1 : 0;
		must(marks <= SANITISE_COMBINING_MAX);
	}
}

static void try(struct str text, enum sanitise_mode mode)
{
	struct buf once, twice, small;

	buf_init(&once, text.n * GROWTH);
	buf_init(&twice, text.n * GROWTH);
	buf_init(&small, text.n / 2);
	must(sanitise(&once, text, mode) == 0);
	must_be_safe(buf_str(&once), mode);
	must(sanitise(&twice, buf_str(&once), mode) == 0 && str_eq(buf_str(&once), buf_str(&twice)));
	must((sanitise(&small, text, mode) == 0) == (once.len <= small.max) && small.len <= small.max);
	buf_release(&once);
	buf_release(&twice);
	buf_release(&small);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};

	if (size == 0 || size > SIZE_MOST)
		return 0;
	try(text, SANITISE_LINE);
	try(text, SANITISE_TEXT);
	return 0;
}
