#include "server/store/run.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const unsigned index_words[INDEX_TABLES] = {
	[INDEX_STREAM] = 3, [INDEX_CONV] = 3, [INDEX_CLIENT] = 4, [INDEX_UPTO] = 3, [INDEX_ONE] = 3};

static const char run_magic[8] = "CHATRUN1";
enum { FILTER_BITS = 16 /* a key */, FILTER_HASHES = 6 };

struct run_head {
	char magic[8];
	uint64_t from, upto;
	uint64_t n[INDEX_TABLES];
	uint64_t filter_words;
	uint32_t crc, zero; /* crc32c of the head before it */
};

void run_name(uint64_t from, uint64_t upto, char out[64])
{
	snprintf(out, 64, "run-%020" PRIu64 "-%020" PRIu64 ".idx", from, upto);
}

/* Least significant digit first, 16 bits a pass, stable; passes over digits that are all equal are skipped. */
static bool sort_pass(const uint64_t *in, uint64_t *out, uint64_t n, unsigned width, unsigned word, unsigned shift)
{
	uint64_t count[65536];

	memset(count, 0, sizeof count);
	for (uint64_t i = 0; i < n; i++)
		count[in[i * width + word] >> shift & 0xffff]++;
	if (n == 0 || count[in[word] >> shift & 0xffff] == n)
		return false;
	uint64_t at = 0;
	for (unsigned d = 0; d < 65536; d++) {
		uint64_t c = count[d];
		count[d] = at;
		at += c;
	}
	for (uint64_t i = 0; i < n; i++) {
		const uint64_t *e = in + i * width;
		memcpy(out + count[e[word] >> shift & 0xffff]++ * width, e, width * sizeof *e);
	}
	return true;
}

static bool rising(const uint64_t *words, uint64_t n, unsigned width)
{
	for (uint64_t i = 1; i < n; i++)
		if (words[i * width + 1] < words[(i - 1) * width + 1])
			return false;
	return true;
}

void run_sort(uint64_t *words, uint64_t *scratch, uint64_t n, unsigned width)
{
	uint64_t *in = words, *out = scratch;

	for (int word = rising(words, n, width) ? 0 : 1; word >= 0; word--)
		for (unsigned shift = 0; shift < 64; shift += 16)
			if (sort_pass(in, out, n, width, (unsigned)word, shift)) {
				uint64_t *t = in;
				in = out;
				out = t;
			}
	if (in != words)
		memcpy(words, in, n * width * sizeof *words);
}

/* Bit positions of a key: double hashing with its two halves (Kirsch and Mitzenmacher, 2006). */
static uint64_t filter_bit(uint64_t key, unsigned i, uint64_t words)
{
	uint64_t h = (key & 0xffffffff) + i * ((key >> 32) | 1);
	h *= 0x9e3779b97f4a7c15u;
	return (uint64_t)(((unsigned __int128)h * (words * 64)) >> 64);
}

static void filter_add(uint64_t *filter, uint64_t words, uint64_t key)
{
	for (unsigned i = 0; i < FILTER_HASHES; i++) {
		uint64_t bit = filter_bit(key, i, words);
		filter[bit / 64] |= (uint64_t)1 << bit % 64;
	}
}

bool run_may_have(const struct run *r, uint64_t key)
{
	for (unsigned i = 0; i < FILTER_HASHES && r->filter_words; i++) {
		uint64_t bit = filter_bit(key, i, r->filter_words);
		if (!(r->filter[bit / 64] >> bit % 64 & 1))
			return false;
	}
	return r->n[INDEX_CLIENT] > 0;
}

/* A run being written: head, tables, filter, and at the very end the checksum of all behind the head. */
struct run_out {
	struct file_writer w;
	uint64_t *filter;
	uint64_t filter_words;
};

static int out_begin(struct run_out *o, int dir_fd, struct run_head *h)
{
	char name[64];

	run_name(h->from, h->upto, name);
	h->filter_words = (h->n[INDEX_CLIENT] * FILTER_BITS + 63) / 64;
	o->filter_words = h->filter_words;
	o->filter = calloc(h->filter_words + 1, sizeof *o->filter);
	if (!o->filter)
		return -1;
	memcpy(h->magic, run_magic, 8);
	h->crc = crc32c(0, h, offsetof(struct run_head, crc));
	if (file_writer_begin(&o->w, dir_fd, name)) {
		free(o->filter);
		return -1;
	}
	file_writer_put(&o->w, h, sizeof *h);
	o->w.crc = 0;
	return 0;
}

static void out_entry(struct run_out *o, enum index_table t, const uint64_t *e)
{
	file_writer_put(&o->w, e, index_words[t] * sizeof *e);
	if (t == INDEX_CLIENT)
		filter_add(o->filter, o->filter_words, e[0]);
}

static int out_end(struct run_out *o)
{
	uint64_t crc;

	file_writer_put(&o->w, o->filter, o->filter_words * sizeof *o->filter);
	crc = o->w.crc;
	file_writer_put(&o->w, &crc, sizeof crc);
	free(o->filter);
	return file_writer_commit(&o->w);
}

int run_write(int dir_fd, uint64_t from, uint64_t upto, const struct run_source *s)
{
	struct run_head h = {.from = from, .upto = upto};
	struct run_out o;

	memcpy(h.n, s->n, sizeof h.n);
	if (out_begin(&o, dir_fd, &h))
		return -1;
	for (unsigned t = 0; t < INDEX_TABLES; t++)
		for (uint64_t i = 0; i < s->n[t]; i++)
			out_entry(&o, t, s->words[t] + i * index_words[t]);
	return out_end(&o);
}

static void merge_table(struct run_out *o, enum index_table t, const struct run *a, const struct run *b)
{
	unsigned width = index_words[t];
	const uint64_t *x = a->table[t], *x_end = x + a->n[t] * width;
	const uint64_t *y = b->table[t], *y_end = y + b->n[t] * width;

	while (x < x_end || y < y_end) {
		bool first = y == y_end || (x < x_end && (x[0] < y[0] || (x[0] == y[0] && x[1] <= y[1])));
		out_entry(o, t, first ? x : y);
		if (first)
			x += width;
		else
			y += width;
	}
}

int run_merge(int dir_fd, const struct run *a, const struct run *b)
{
	struct run_head h = {.from = a->from, .upto = b->upto};
	struct run_out o;

	for (unsigned t = 0; t < INDEX_TABLES; t++)
		h.n[t] = a->n[t] + b->n[t];
	if (out_begin(&o, dir_fd, &h))
		return -1;
	for (unsigned t = 0; t < INDEX_TABLES; t++)
		merge_table(&o, t, a, b);
	return out_end(&o);
}

static int run_bind(struct run *r)
{
	const struct run_head *h = r->map;
	const uint64_t *p = (const uint64_t *)(h + 1);
	uint64_t words = 0;

	if (r->map_len < sizeof *h + 8 || memcmp(h->magic, run_magic, 8) != 0 || h->from != r->from ||
		h->upto != r->upto || h->crc != crc32c(0, h, offsetof(struct run_head, crc)))
		return -1;
	for (unsigned t = 0; t < INDEX_TABLES; t++) {
		if (h->n[t] > r->map_len)
			return -1;
		r->n[t] = h->n[t];
		r->table[t] = p + words;
		words += h->n[t] * index_words[t];
	}
	r->filter = p + words;
	r->filter_words = h->filter_words;
	if (h->filter_words > r->map_len)
		return -1;
	return sizeof *h + (words + h->filter_words + 1) * 8 == r->map_len ? 0 : -1;
}

struct run *run_open(int dir_fd, uint64_t from, uint64_t upto)
{
	struct run *r = calloc(1, sizeof *r);
	char name[64];
	struct stat st;

	if (!r)
		return NULL;
	*r = (struct run){.from = from, .upto = upto, .map = MAP_FAILED, .dir_fd = dir_fd};
	run_name(from, upto, name);
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0) {
		r->map_len = (size_t)st.st_size;
		r->map = mmap(NULL, r->map_len, PROT_READ, MAP_SHARED, fd, 0);
	}
	if (fd >= 0)
		close(fd);
	if (r->map != MAP_FAILED && run_bind(r) == 0)
		return r;
	run_free(r);
	return NULL;
}

void run_free(struct run *r)
{
	char name[64];

	if (!r)
		return;
	if (r->map != MAP_FAILED)
		munmap(r->map, r->map_len);
	if (r->doomed) {
		run_name(r->from, r->upto, name);
		unlinkat(r->dir_fd, name, 0);
	}
	free(r);
}

int run_verify(const struct run *r)
{
	size_t body = r->map_len - sizeof(struct run_head) - 8;
	const uint8_t *p = (const uint8_t *)r->map + sizeof(struct run_head);
	uint64_t crc;

	memcpy(&crc, p + body, sizeof crc);
	return crc32c(0, p, body) == crc ? 0 : -1;
}

uint64_t run_lower(const struct run *r, enum index_table t, uint64_t key, uint64_t sub)
{
	uint64_t lo = 0, hi = r->n[t];
	unsigned width = index_words[t];

	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;
		const uint64_t *e = r->table[t] + mid * width;
		if (e[0] < key || (e[0] == key && e[1] < sub))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct index_entry run_entry(const struct run *r, enum index_table t, uint64_t i)
{
	const uint64_t *e = r->table[t] + i * index_words[t];
	return (struct index_entry){e[0], e[1], e[2], t == INDEX_CLIENT ? e[3] : 0};
}
