#include "server/journal/journal.h"
#include "common/base/log.h"
#include "common/base/need.h"
#include "server/journal/files.h"
#include "server/journal/handles.h"
#include "server/ops/fault.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char segment_magic[8] = "CHATSEG1";

struct segment {
	uint64_t base, end;
};

struct journal {
	struct journal_config conf;
	char *dir;
	int dir_fd;
	struct token_key key;
	pthread_rwlock_t lock; /* guards the list and the ends; the appending thread alone changes them */
	struct segment *segments;
	unsigned n, cap;
	int fd;                 /* of the last segment, to append; -1: none */
	struct handles handles; /* of all, to read */
	_Atomic uint64_t tail;
};

struct journal_io journal_io = {.pwrite = pwrite, .fdatasync = fdatasync, .ftruncate = ftruncate};

/* Header: magic, base u64, crc32c of both; the rest is zero. */
static void header_fill(uint8_t h[SEGMENT_HEAD], uint64_t base)
{
	uint32_t crc;

	memset(h, 0, SEGMENT_HEAD);
	memcpy(h, segment_magic, 8);
	memcpy(h + 8, &base, 8);
	crc = crc32c(0, h, 16);
	memcpy(h + 16, &crc, 4);
}

static int write_all(int fd, const uint8_t *p, size_t n, uint64_t at)
{
	while (n) {
		ssize_t done = journal_io.pwrite(fd, p, n, (off_t)at);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return -1;
		p += done;
		at += (uint64_t)done;
		n -= (size_t)done;
	}
	return 0;
}

static int read_all(int fd, uint8_t *p, size_t n, uint64_t at, size_t *got)
{
	*got = 0;
	while (*got < n) {
		ssize_t done = pread(fd, p + *got, n - *got, (off_t)(at + *got));
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		if (done == 0)
			break;
		*got += (size_t)done;
	}
	return 0;
}

static bool is_full(int error)
{
	return error == ENOSPC || error == EDQUOT;
}

/* The list moves under the lock: whoever reads must not hold on to the old one. */
static int segments_room(struct journal *j)
{
	unsigned cap = j->cap ? j->cap * 2 : 16;
	struct segment *old = j->segments;

	if (j->n < j->cap)
		return 0;
	struct segment *s = need_calloc(cap, sizeof *s);
	if (!s)
		return -1;
	if (old)
		memcpy(s, old, j->n * sizeof *s);
	pthread_rwlock_wrlock(&j->lock);
	j->segments = s;
	j->cap = cap;
	pthread_rwlock_unlock(&j->lock);
	free(old);
	return 0;
}

static void set_last(struct journal *j, int fd)
{
	if (j->fd >= 0)
		close(j->fd);
	j->fd = fd;
}

/* Its descriptor becomes that of the last segment. */
static int segment_open(struct journal *j, uint64_t base, char why[256])
{
	char name[32];
	uint8_t want[SEGMENT_HEAD], have[SEGMENT_HEAD];
	struct stat st;
	size_t got;
	int fd;

	segment_name(base, name);
	fd = openat(j->dir_fd, name, (j->conf.read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) || read_all(fd, have, sizeof have, 0, &got) || segments_room(j)) {
		snprintf(why, 256, "cannot open the segment %s: %s", name, strerror(errno));
		goto fail;
	}
	header_fill(want, base);
	if (got < SEGMENT_HEAD || memcmp(want, have, SEGMENT_HEAD) != 0) {
		snprintf(why, 256, "the segment %s has a damaged header", name);
		goto fail;
	}
	j->segments[j->n++] = (struct segment){base, base + (uint64_t)st.st_size};
	set_last(j, fd);
	return 0;
fail:
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Makes the segment file that begins at base. 0; 1 no space; -1 final. */
static int segment_make(struct journal *j, uint64_t base)
{
	char name[32];
	uint8_t head[SEGMENT_HEAD];
	int fd, error;

	if (segments_room(j))
		return 1;
	segment_name(base, name);
	fd = openat(j->dir_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return is_full(errno) || errno == EMFILE || errno == ENFILE ? 1 : -1;
	header_fill(head, base);
	if (write_all(fd, head, sizeof head, 0)) {
		error = errno;
		close(fd);
		unlinkat(j->dir_fd, name, 0);
		errno = error;
		return is_full(error) ? 1 : -1;
	}
	if (journal_io.fdatasync(fd) || fsync(j->dir_fd)) {
		close(fd);
		return -1;
	}
	pthread_rwlock_wrlock(&j->lock);
	j->segments[j->n++] = (struct segment){base, base + SEGMENT_HEAD};
	pthread_rwlock_unlock(&j->lock);
	set_last(j, fd);
	j->tail = base + SEGMENT_HEAD;
	return 0;
}

static int by_base(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* The bases of all segment files, ascending; the caller frees *out. */
static int list_bases(struct journal *j, uint64_t **out, size_t *n)
{
	DIR *d = opendir(j->dir);
	struct dirent *e;
	size_t cap = 0;

	*out = NULL;
	*n = 0;
	if (!d)
		return -1;
	while ((e = readdir(d))) {
		uint64_t base;
		int used = 0;
		if (sscanf(e->d_name, "%20" SCNu64 ".seg%n", &base, &used) != 1 || used != 24 || e->d_name[24])
			continue;
		if (*n == cap) {
			cap = cap ? cap * 2 : 64;
			uint64_t *more = realloc(*out, cap * sizeof *more);
			if (!more) {
				closedir(d);
				return -1;
			}
			*out = more;
		}
		(*out)[(*n)++] = base;
	}
	closedir(d);
	if (*n)
		qsort(*out, *n, sizeof **out, by_base);
	return 0;
}

static bool has_segments(struct journal *j)
{
	uint64_t *bases;
	size_t n;
	bool some = list_bases(j, &bases, &n) || n > 0;

	free(bases);
	return some;
}

/* A crash between making a segment file and writing its header leaves a last file without a header and without records: it is made again. */
static void drop_stillborn(struct journal *j, const uint64_t *bases, size_t *n)
{
	struct stat st;
	char name[32];

	if (*n < 2 || j->conf.read_only)
		return;
	segment_name(bases[*n - 1], name);
	if (fstatat(j->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size < SEGMENT_HEAD &&
		unlinkat(j->dir_fd, name, 0) == 0) {
		log_event(LOG_WARN, "journal-empty-segment-removed", "segment=%s", name);
		(*n)--;
	}
}

static int open_segments(struct journal *j, char why[256])
{
	uint64_t *bases;
	size_t n;
	int rc = -1;

	if (list_bases(j, &bases, &n)) {
		snprintf(why, 256, "cannot read %.200s: %s", j->dir, strerror(errno));
		return -1;
	}
	drop_stillborn(j, bases, &n);
	if (n && !j->conf.read_only) {
		char name[32];
		segment_name(bases[n - 1], name);
		fault_power_cut(j->dir_fd, name, SEGMENT_HEAD);
	}
	for (size_t i = 0; i < n; i++) {
		if (segment_open(j, bases[i], why))
			goto out;
		if (i && j->segments[i - 1].end != j->segments[i].base) {
			snprintf(why, 256,
				"the journal has a hole: the segment before %020" PRIu64 " ends at %" PRIu64
				"; put the missing file back",
				j->segments[i].base, j->segments[i - 1].end);
			goto out;
		}
	}
	if (j->n == 0 && !j->conf.read_only && segment_make(j, 0)) {
		snprintf(why, 256, "cannot make the first segment in %.180s: %s", j->dir, strerror(errno));
		goto out;
	}
	j->tail = j->n ? j->segments[j->n - 1].end : 0;
	rc = 0;
out:
	free(bases);
	return rc;
}

int journal_open(struct journal **out, const struct journal_config *c, char why[256])
{
	struct journal *j = calloc(1, sizeof *j);

	if (!j || !(j->dir = strdup(c->dir))) {
		free(j);
		snprintf(why, 256, "out of memory");
		return -1;
	}
	j->conf = *c;
	pthread_rwlock_init(&j->lock, NULL);
	j->dir_fd = j->fd = -1;
	handles_init(&j->handles, -1);
	if (!c->read_only && mkdir(c->dir, 0700) && errno != EEXIST) {
		snprintf(why, 256, "cannot make %.200s: %s", c->dir, strerror(errno));
		goto fail;
	}
	j->dir_fd = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->dir_fd < 0) {
		snprintf(why, 256, "cannot open %.200s: %s", c->dir, strerror(errno));
		goto fail;
	}
	j->handles.dir_fd = j->dir_fd;
	/* A journal that has segments but lost its key must not get a new one: every id given out would be void. */
	if (meta_load(j->dir_fd, c->read_only || has_segments(j), &j->key, why) || open_segments(j, why))
		goto fail;
	*out = j;
	return 0;
fail:
	journal_close(j);
	return -1;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	handles_release(&j->handles);
	set_last(j, -1);
	if (j->dir_fd >= 0)
		close(j->dir_fd);
	pthread_rwlock_destroy(&j->lock);
	free(j->segments);
	free(j->dir);
	free(j);
}

const struct token_key *journal_key(const struct journal *j)
{
	return &j->key;
}

unsigned journal_segments(struct journal *j)
{
	pthread_rwlock_rdlock(&j->lock);
	unsigned n = j->n;
	pthread_rwlock_unlock(&j->lock);
	return n;
}

struct journal_segment journal_segment(struct journal *j, unsigned i)
{
	pthread_rwlock_rdlock(&j->lock);
	struct journal_segment s = {j->segments[i].base, j->segments[i].end};
	pthread_rwlock_unlock(&j->lock);
	return s;
}

enum { SCAN_BYTES = 4 << 20 };

int journal_scan(struct journal *j, unsigned i, uint64_t from, journal_visit *visit, void *ctx, uint64_t *end)
{
	struct segment s = j->segments[i];
	struct handle file;
	uint64_t pos = from > s.base + SEGMENT_HEAD ? from : s.base + SEGMENT_HEAD;
	uint8_t *window = malloc(SCAN_BYTES);
	size_t have = 0, at = 0;
	int rc = 0;

	*end = pos;
	if (!window || handle_take(&j->handles, s.base, &file)) {
		free(window);
		return -1;
	}
	while (rc == 0 && pos < s.end) {
		struct record r;
		if (have - at < RECORD_MAX && pos + (have - at) < s.end) {
			memmove(window, window + at, have - at);
			have -= at;
			at = 0;
			size_t got;
			rc = read_all(file.fd, window + have, SCAN_BYTES - have, pos + have - s.base, &got);
			have += got;
			if (rc)
				break;
		}
		if (record_decode(&r, window + at, have - at, pos, true))
			break;
		rc = visit(ctx, &r, window + at);
		at += r.len;
		pos += r.len;
	}
	free(window);
	handle_give(&j->handles, &file);
	*end = pos;
	return rc;
}

/* Keeps what is cut off for whoever wants to look at it. */
static int keep_torn(struct journal *j, const struct segment *s, uint64_t pos)
{
	char name[40];
	uint8_t *bytes = malloc(s->end - pos);
	size_t got = 0;
	int fd = -1, rc = -1;

	snprintf(name, sizeof name, "torn-%020" PRIu64, pos);
	if (bytes && read_all(j->fd, bytes, s->end - pos, pos - s->base, &got) == 0) {
		fd = openat(j->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd >= 0)
			rc = write_all(fd, bytes, got, 0);
	}
	if (fd >= 0)
		close(fd);
	free(bytes);
	return rc;
}

int journal_recover(struct journal *j, uint64_t pos, char why[256])
{
	struct segment *s = &j->segments[j->n - 1];

	if (pos < s->end) {
		log_event(LOG_WARN, "journal-torn-tail", "pos=%" PRIu64 " bytes=%" PRIu64 " kept_in=torn-%020" PRIu64,
			pos, s->end - pos, pos);
		if (keep_torn(j, s, pos))
			log_event(LOG_WARN, "journal-torn-tail-not-kept", "error=\"%s\"", strerror(errno));
		if (journal_io.ftruncate(j->fd, (off_t)(pos - s->base))) {
			snprintf(why, 256, "cannot cut the journal's torn tail: %s", strerror(errno));
			return -1;
		}
		s->end = pos;
		j->tail = pos;
	}
	for (unsigned i = 0; i < j->n; i++) {
		struct handle file;
		int rc = handle_take(&j->handles, j->segments[i].base, &file);
		if (rc == 0) {
			rc = journal_io.fdatasync(file.fd);
			handle_give(&j->handles, &file);
		}
		if (rc) {
			snprintf(why, 256, "cannot sync the journal: %s", strerror(errno));
			return -1;
		}
	}
	if (fsync(j->dir_fd)) {
		snprintf(why, 256, "cannot sync the journal's directory: %s", strerror(errno));
		return -1;
	}
	return 0;
}

uint64_t journal_tail(const struct journal *j)
{
	return j->tail;
}

bool journal_full(const struct journal *j)
{
	return j->tail - j->segments[j->n - 1].base >= j->conf.segment_bytes;
}

int journal_roll(struct journal *j)
{
	return segment_make(j, j->tail);
}

enum { PROBE_BYTES = 256 << 10 };

int journal_append(struct journal *j, const uint8_t *bytes, size_t n)
{
	struct segment *s = &j->segments[j->n - 1];
	uint64_t at = j->tail - s->base;

	if (write_all(j->fd, bytes, n, at)) {
		int error = errno;
		if (!is_full(error))
			return -1;
		if (journal_io.ftruncate(j->fd, (off_t)at))
			return -1;
		errno = error;
		return 1;
	}
	j->tail += n;
	return 0;
}

int journal_probe(struct journal *j)
{
	struct segment *s = &j->segments[j->n - 1];
	uint64_t at = j->tail - s->base;
	uint8_t *zero = calloc(1, PROBE_BYTES);
	int rc = zero && write_all(j->fd, zero, PROBE_BYTES, at) == 0 ? 0 : 1;

	free(zero);
	return journal_io.ftruncate(j->fd, (off_t)at) ? -1 : rc;
}

int journal_sync(struct journal *j)
{
	struct segment *s = &j->segments[j->n - 1];

	fault_stall();
	if (!fault_ack_early() && journal_io.fdatasync(j->fd))
		return -1;
	pthread_rwlock_wrlock(&j->lock);
	s->end = j->tail;
	pthread_rwlock_unlock(&j->lock);
	return 0;
}

/* The bounds of the segment that holds pos. */
static int segment_find(struct journal *j, uint64_t pos, struct segment *out)
{
	unsigned lo = 0, hi;
	int rc = -1;

	pthread_rwlock_rdlock(&j->lock);
	hi = j->n;
	while (lo + 1 < hi) {
		unsigned mid = lo + (hi - lo) / 2;
		if (j->segments[mid].base <= pos)
			lo = mid;
		else
			hi = mid;
	}
	if (j->n && pos >= j->segments[lo].base + SEGMENT_HEAD && pos < j->segments[lo].end) {
		*out = j->segments[lo];
		rc = 0;
	}
	pthread_rwlock_unlock(&j->lock);
	return rc;
}

enum { READ_FIRST = 1024 };

static int grow(uint8_t **bytes, size_t *cap, size_t need)
{
	if (*cap >= need)
		return 0;
	uint8_t *p = realloc(*bytes, need);
	if (!p)
		return -1;
	*bytes = p;
	*cap = need;
	return 0;
}

/* Reads the record of the segment into *bytes. 1, or as journal_read(). */
static int read_record(int fd, const struct segment *s, uint64_t pos, uint8_t **bytes, size_t *cap, size_t *got)
{
	size_t want = s->end - pos < READ_FIRST ? s->end - pos : READ_FIRST, more;
	uint32_t len;

	if (want < RECORD_HEAD)
		return 0;
	if (grow(bytes, cap, READ_FIRST) || read_all(fd, *bytes, want, pos - s->base, got) || *got < RECORD_HEAD)
		return -1;
	memcpy(&len, *bytes, sizeof len);
	if (len > RECORD_MAX || len > s->end - pos)
		return 0;
	if (len <= *got)
		return 1;
	if (grow(bytes, cap, len) || read_all(fd, *bytes + *got, len - *got, pos - s->base + *got, &more))
		return -1;
	*got += more;
	return 1;
}

int journal_read(struct journal *j, struct place at, struct record *r, uint8_t **bytes, size_t *cap)
{
	struct segment s;
	struct handle file;
	size_t got;

	if (at.pos % 8 || segment_find(j, at.pos, &s))
		return 0;
	if (handle_take(&j->handles, s.base, &file))
		return -1;
	int rc = read_record(file.fd, &s, at.pos, bytes, cap, &got);
	handle_give(&j->handles, &file);
	if (rc != 1)
		return rc;
	return record_decode(r, *bytes, got, at.pos, true) == 0 && r->at.crc == at.crc;
}
