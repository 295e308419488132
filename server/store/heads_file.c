/* Snapshots of the heads: "heads-UPTO.snap". Layout in doc/format.md; a change of it changes the magic. */
#include "common/base/buf.h"
#include "common/base/log.h"
#include "server/store/heads.h"
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char snap_magic[8] = "CHATSNP1";
enum { STEP_BYTES = 256 << 10, STEP_MAX = 64 << 20 /* bytes gathered under one lock, then written without it */ };

struct snap_head {
	char magic[8];
	uint64_t upto;
	uint32_t n_users, n_convs;
};
struct snap_user {
	uint64_t pos;
	uint32_t crc, user;
};
struct snap_conv {
	uint64_t applied;
	uint32_t user[2];
};
struct snap_side {
	uint64_t last_pos;
	uint32_t last_crc, total;
};
struct snap_marks {
	uint64_t pos;
	uint32_t crc, upto, n_spans, zero;
};
struct snap_tail {
	uint64_t newest; /* no entry has seen a record beyond this position */
	uint32_t crc, zero;
};

static void put_marks(struct buf *b, const struct marks *m)
{
	uint32_t n = m->spans ? m->spans->n : 0;
	struct snap_marks s = {.pos = m->pos, .crc = m->crc, .upto = m->upto, .n_spans = n};

	buf_add(b, &s, sizeof s);
	if (n)
		buf_add(b, m->spans->span, n * sizeof m->spans->span[0]);
}

static void put_conv(struct buf *b, const struct conv *c)
{
	struct snap_conv s = {.applied = c->applied, .user = {c->user[0], c->user[1]}};

	buf_add(b, &s, sizeof s);
	for (int d = 0; d < 2; d++) {
		const struct side *side = &c->side[d];
		struct snap_side t = {.last_pos = side->last_pos, .last_crc = side->last_crc, .total = side->total};
		buf_add(b, &t, sizeof t);
		put_marks(b, &side->read);
		put_marks(b, &side->delivered);
	}
}

/* Writes entry i; answers the newest position that it has seen. */
static uint64_t put_user(struct heads *h, struct buf *b, uint32_t i)
{
	struct place at = heads_user(h, i);
	struct snap_user u = {.pos = at.pos, .crc = at.crc, .user = i};

	buf_add(b, &u, sizeof u);
	return at.pos;
}

static uint64_t put_conv_at(struct heads *h, struct buf *b, uint32_t i)
{
	const struct conv *c = heads_conv_at(h, i);

	put_conv(b, c);
	return c->applied;
}

/* Entries 1 to n. The lock is never held while the disk is waited for. */
static void put_all(struct heads *h, struct file_writer *w, uint32_t n, uint64_t *newest,
	uint64_t (*put)(struct heads *h, struct buf *b, uint32_t i))
{
	struct buf step;

	buf_init(&step, STEP_MAX);
	for (uint32_t i = 1; i <= n;) {
		heads_rdlock(h);
		for (; i <= n && step.len < STEP_BYTES && !step.failed; i++) {
			uint64_t pos = put(h, &step, i);
			*newest = pos > *newest ? pos : *newest;
		}
		heads_unlock(h);
		file_writer_put(w, step.data, step.len);
		w->failed = w->failed || step.failed;
		buf_reset(&step);
	}
	buf_release(&step);
}

static void snap_name(uint64_t upto, char out[64])
{
	snprintf(out, 64, "heads-%020" PRIu64 ".snap", upto);
}

/* The positions of the snapshots there are, newest first: at most n. */
static unsigned list_snaps(int dir_fd, uint64_t *out, unsigned n)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	unsigned have = 0;

	while (d && (e = readdir(d))) {
		uint64_t upto;
		int used = 0;
		if (sscanf(e->d_name, "heads-%20" SCNu64 ".snap%n", &upto, &used) != 1 || used == 0 || e->d_name[used])
			continue;
		unsigned i = have < n ? have++ : n;
		for (; i > 0 && out[i - 1] < upto; i--)
			if (i < n)
				out[i] = out[i - 1];
		if (i < n)
			out[i] = upto;
	}
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	return have;
}

enum { KEEP = 2, LIST = 64 };

static void drop_old(int dir_fd)
{
	uint64_t have[LIST];
	char name[64];
	unsigned n = list_snaps(dir_fd, have, LIST);

	for (unsigned i = KEEP; i < n; i++) {
		snap_name(have[i], name);
		unlinkat(dir_fd, name, 0);
	}
}

int heads_save(struct heads *h, int dir_fd, uint64_t upto)
{
	struct file_writer w;
	char name[64];
	struct snap_tail tail = {0};

	snap_name(upto, name);
	if (file_writer_begin(&w, dir_fd, name))
		return -1;
	heads_rdlock(h);
	struct snap_head head = {.upto = upto, .n_users = heads_max_user(h), .n_convs = heads_conv_count(h)};
	heads_unlock(h);
	memcpy(head.magic, snap_magic, 8);
	file_writer_put(&w, &head, sizeof head);
	put_all(h, &w, head.n_users, &tail.newest, put_user);
	put_all(h, &w, head.n_convs, &tail.newest, put_conv_at);
	file_writer_put(&w, &tail.newest, sizeof tail.newest);
	tail.crc = w.crc;
	file_writer_put(&w, (const uint8_t *)&tail + sizeof tail.newest, sizeof tail - sizeof tail.newest);
	if (file_writer_commit(&w))
		return -1;
	drop_old(dir_fd);
	return 0;
}

/* Reads forward through a snapshot in memory; past its end everything is refused. */
struct reader {
	const uint8_t *p;
	size_t left;
};

static int take(struct reader *r, void *out, size_t n)
{
	if (r->left < n)
		return -1;
	memcpy(out, r->p, n);
	r->p += n;
	r->left -= n;
	return 0;
}

static int take_marks(struct reader *r, struct marks *m)
{
	struct snap_marks s;

	if (take(r, &s, sizeof s) || s.n_spans > r->left / sizeof(struct span))
		return -1;
	*m = (struct marks){.pos = s.pos, .crc = s.crc, .upto = s.upto};
	if (!s.n_spans)
		return 0;
	struct span_list *l = malloc(sizeof *l + s.n_spans * sizeof l->span[0]);
	if (!l)
		return -1;
	l->n = l->cap = s.n_spans;
	m->spans = l;
	return take(r, l->span, s.n_spans * sizeof l->span[0]);
}

static int take_conv(struct reader *r, struct heads *h)
{
	struct snap_conv s = {0};
	struct conv c = {0};
	int rc = take(r, &s, sizeof s);

	c.applied = s.applied;
	c.user[0] = s.user[0];
	c.user[1] = s.user[1];
	for (int d = 0; d < 2 && rc == 0; d++) {
		struct snap_side t;
		rc = take(r, &t, sizeof t) || take_marks(r, &c.side[d].read) || take_marks(r, &c.side[d].delivered);
		c.side[d].last_pos = t.last_pos;
		c.side[d].last_crc = t.last_crc;
		c.side[d].total = t.total;
	}
	if (rc == 0)
		rc = heads_restore_conv(h, &c);
	if (rc)
		for (int d = 0; d < 2; d++) {
			marks_release(&c.side[d].read);
			marks_release(&c.side[d].delivered);
		}
	return rc;
}

static int load_bytes(struct heads *h, const uint8_t *p, size_t n)
{
	struct reader r = {p, n};
	struct snap_head head;
	int rc = take(&r, &head, sizeof head);

	for (uint32_t i = 0; rc == 0 && i < head.n_users; i++) {
		struct snap_user u;
		rc = take(&r, &u, sizeof u) || heads_restore_user(h, u.user, (struct place){u.pos, u.crc});
	}
	for (uint32_t i = 0; rc == 0 && i < head.n_convs; i++)
		rc = take_conv(&r, h);
	return rc ? rc : heads_restore_end(h);
}

/* Whole, of this version, and about nothing beyond tail? */
static bool usable(const uint8_t *p, size_t n, uint64_t upto, uint64_t tail)
{
	struct snap_head head;
	struct snap_tail end;

	if (n < sizeof head + sizeof end)
		return false;
	memcpy(&head, p, sizeof head);
	memcpy(&end, p + n - sizeof end, sizeof end);
	return memcmp(head.magic, snap_magic, 8) == 0 && head.upto == upto && upto <= tail && end.newest < tail &&
	       end.crc == crc32c(0, p, n - sizeof end + sizeof end.newest);
}

static int load_one(struct heads *h, int dir_fd, uint64_t upto, uint64_t tail)
{
	char name[64];
	struct stat st;
	uint8_t *p = MAP_FAILED;
	int rc = 1;

	snap_name(upto, name);
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p != MAP_FAILED) {
		if (usable(p, (size_t)st.st_size, upto, tail))
			rc = load_bytes(h, p, (size_t)st.st_size) ? -1 : 0;
		munmap(p, (size_t)st.st_size);
	}
	if (fd >= 0)
		close(fd);
	if (rc > 0)
		log_event(LOG_WARN, "snapshot-ignored", "file=%s", name);
	return rc;
}

int heads_load(struct heads *h, int dir_fd, uint64_t tail, uint64_t *upto)
{
	uint64_t have[LIST];
	unsigned n = list_snaps(dir_fd, have, LIST);

	*upto = 0;
	for (unsigned i = 0; i < n; i++) {
		int rc = load_one(h, dir_fd, have[i], tail);
		if (rc < 0)
			return -1;
		if (rc == 0) {
			*upto = have[i];
			return 0;
		}
	}
	return 0;
}
