#include "cli/bench/payload.h"
#include "cli/bench/draw.h"
#include "common/wire/json.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_BYTES = 64 * 1024, SUM_AT = PAYLOAD_MIN - 6 };

/* ---- header ---- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static char *put(char *to, int n, uint64_t v)
{
	for (int i = n - 1; i >= 0; i--, v >>= 6)
		to[i] = digits[v & 63];
	return to + n;
}

/* -1 when a character is no digit. */
static int get(const char **from, int n, uint64_t *v)
{
	for (*v = 0; n > 0; n--, (*from)++) {
		const char *d = **from ? strchr(digits, **from) : NULL;
		if (!d)
			return -1;
		*v = *v << 6 | (uint64_t)(d - digits);
	}
	return 0;
}

/* 8 bytes a step. Not for adversaries: it has to notice bytes that were lost, changed or mixed up. */
static uint32_t checksum(uint64_t h, const char *p, size_t n)
{
	for (; n >= 8; p += 8, n -= 8) {
		uint64_t word;
		memcpy(&word, p, 8);
		h = draw_mix(h ^ word) + 0x9e3779b97f4a7c15u;
	}
	uint64_t last = n;
	memcpy(&last, p, n);
	return (uint32_t)(draw_mix(h ^ last ^ (uint64_t)n << 56) >> 32);
}

static uint32_t sum_of(const char *body, size_t n)
{
	return checksum(checksum(0, body, SUM_AT), body + PAYLOAD_MIN, n - PAYLOAD_MIN);
}

enum payload_verdict payload_read(struct str body, struct payload_head *h)
{
	const char *p = body.p + 1;
	uint64_t run, pair, counter, sum;

	if (body.n < PAYLOAD_MIN || body.p[0] != '~')
		return PAYLOAD_FOREIGN;
	if (get(&p, 6, &run) || get(&p, 6, &pair) || get(&p, 6, &counter) || get(&p, 7, &h->at) || get(&p, 6, &sum))
		return PAYLOAD_FOREIGN;
	h->run = (uint32_t)run;
	h->pair = (uint32_t)pair;
	h->counter = (uint32_t)counter;
	return sum == sum_of(body.p, body.n) && run >> 32 == 0 && pair >> 32 == 0 && counter >> 32 == 0
		       ? PAYLOAD_GOOD
		       : PAYLOAD_CORRUPT;
}

/* ---- contents ---- */

/* What people and scripts get wrong: clusters of several code points, marks on marks, right to left, wide, what JSON and shells escape. */
static const char *const hard[] = {
	"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7\xe2\x80\x8d\xf0\x9f\x91\xa6",
	"\xf0\x9f\x8f\xb3\xef\xb8\x8f\xe2\x80\x8d\xf0\x9f\x8c\x88", "\xf0\x9f\x87\xaa\xf0\x9f\x87\xba",
	"e\xcc\x81\xcc\xa3", "Z\xcc\x91\xcd\x8c\xcc\xbf", "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d",
	"\xd8\xa7\xd9\x84\xd8\xb3\xd9\x84\xd8\xa7\xd9\x85", "\xe6\xbc\xa2\xe5\xad\x97", "\xef\xbc\xa1\xef\xbc\xa2",
	"\xe0\xa4\x95\xe0\xa5\x8d\xe0\xa4\xb7", "\xed\x95\x9c\xea\xb8\x80", "\xf4\x8f\xbf\xbf", "\xef\xbf\xbf", "\"",
	"\\", "\\u0041", "\n", "\t", "\r\n", "</script>", "'; --", "$(x)", "%s%n", "\x7f", " ", "a", "\xc3\x9f",
	"\xe2\x82\xac", "\xf0\x9d\x84\x9e"};

static int fill_text(struct payload *p)
{
	static const char letters[] = "etaoin shrdlu etaoin cmfwyp vbgkqj xz ,.";

	p->text = malloc(TEXT_BYTES);
	if (!p->text)
		return -1;
	for (p->n_text = 0; p->n_text < TEXT_BYTES; p->n_text++)
		p->text[p->n_text] = letters[draw_below(p->seed, DRAW_TEXT, p->n_text, sizeof letters - 1)];
	return 0;
}

static int split_lines(struct payload *p)
{
	p->lines = malloc(PAYLOAD_LINES_MAX * sizeof *p->lines);
	if (!p->lines)
		return -1;
	for (size_t at = 0; at < p->n_text && p->n_lines < PAYLOAD_LINES_MAX;) {
		const char *from = p->text + at, *end = memchr(from, '\n', p->n_text - at);
		size_t n = end ? (size_t)(end - from) : p->n_text - at;
		if (n > 0)
			p->lines[p->n_lines++] = (struct str){from, n};
		at += n + 1;
	}
	return 0;
}

static int load(struct payload *p, const char *path, char why[256])
{
	FILE *f = fopen(path, "re");

	p->text = malloc(PAYLOAD_FILE_MAX + 1);
	if (f && p->text)
		p->n_text = fread(p->text, 1, PAYLOAD_FILE_MAX + 1, f);
	if (!f || !p->text || ferror(f))
		snprintf(why, 256, "cannot read %.150s: %s", path, strerror(errno));
	else if (p->n_text > PAYLOAD_FILE_MAX)
		snprintf(why, 256, "%.150s is larger than 16 MiB", path);
	else if (!utf8_ok((struct str){p->text, p->n_text}))
		snprintf(why, 256, "%.150s is not UTF-8, or holds a NUL", path);
	else if (split_lines(p) || p->n_lines == 0)
		snprintf(why, 256, "%.150s has no line that is not empty", path);
	if (f)
		fclose(f);
	return p->n_lines > 0 ? 0 : -1;
}

int payload_init(struct payload *p, const struct scenario *s, const char *folder, uint32_t run, char why[256])
{
	char path[4096];
	int rc;

	*p = (struct payload){.spec = s->payload, .seed = s->seed, .run = run};
	if (p->spec.kind == PAYLOAD_FILE) {
		bool absolute = p->spec.file[0] == '/' || !folder || !*folder;
		snprintf(path, sizeof path, "%s%s%s", absolute ? "" : folder, absolute ? "" : "/", p->spec.file);
		rc = load(p, path, why);
	} else {
		rc = fill_text(p);
		if (rc)
			snprintf(why, 256, "out of memory");
	}
	if (rc)
		payload_release(p);
	return rc;
}

void payload_release(struct payload *p)
{
	free(p->text);
	free(p->lines);
	p->text = NULL;
	p->lines = NULL;
}

static size_t clamp(double n)
{
	return n < PAYLOAD_MIN ? PAYLOAD_MIN : n > PAYLOAD_MAX ? PAYLOAD_MAX : (size_t)n;
}

/* exp(mu + sigma z), z by Box and Muller (1958); 2.326 is the normal distribution's 99th percentile. */
static size_t lognormal(const struct payload *p, uint32_t counter)
{
	double sigma = log(p->spec.p99 / p->spec.median) / 2.3263478740408408;
	double u = draw_unit(p->seed, DRAW_LENGTH, counter), v = draw_unit(p->seed, DRAW_LENGTH2, counter);

	return clamp(p->spec.median * exp(sigma * sqrt(-2 * log(u)) * cos(2 * M_PI * v)) + 0.5);
}

static const struct str *line_of(const struct payload *p, uint32_t counter)
{
	return &p->lines[counter % p->n_lines];
}

size_t payload_length(const struct payload *p, uint32_t counter)
{
	switch (p->spec.kind) {
	case PAYLOAD_LOGNORMAL:
		return lognormal(p, counter);
	case PAYLOAD_FILE:
		return clamp((double)PAYLOAD_MIN + (double)line_of(p, counter)->n);
	default:
		return clamp(p->spec.bytes);
	}
}

/* Whole pieces only, so it may end a little short; never in the middle of a character. */
static size_t put_hard(const struct payload *p, uint32_t counter, char *to, size_t n)
{
	size_t at = 0;

	for (uint64_t i = 0; at < n; i++) {
		const char *piece = hard[draw_below(p->seed + counter, DRAW_TEXT, i, sizeof hard / sizeof *hard)];
		size_t length = strlen(piece);
		if (length > n - at)
			piece = "a", length = 1;
		memcpy(to + at, piece, length);
		at += length;
	}
	return at;
}

static size_t put_line(const struct str *line, char *to, size_t n)
{
	if (n > line->n)
		n = line->n;
	while (n < line->n && n > 0 && ((unsigned char)line->p[n] & 0xc0) == 0x80)
		n--;
	memcpy(to, line->p, n);
	return n;
}

static size_t put_contents(const struct payload *p, uint32_t counter, char *to, size_t n)
{
	if (p->spec.kind == PAYLOAD_UNICODE)
		return put_hard(p, counter, to, n);
	if (p->spec.kind == PAYLOAD_FILE)
		return put_line(line_of(p, counter), to, n);
	memcpy(to, p->text + draw_below(p->seed, DRAW_TEXT, counter, TEXT_BYTES - PAYLOAD_MAX), n);
	return n;
}

size_t payload_make(const struct payload *p, uint32_t counter, uint32_t pair, uint64_t at, char out[PAYLOAD_MAX])
{
	size_t n = PAYLOAD_MIN + put_contents(p, counter, out + PAYLOAD_MIN, payload_length(p, counter) - PAYLOAD_MIN);
	char *to = out;

	*to++ = '~';
	to = put(to, 6, p->run);
	to = put(to, 6, pair);
	to = put(to, 6, counter);
	to = put(to, 7, at);
	put(to, 6, sum_of(out, n));
	return n;
}
