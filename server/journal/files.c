#include "server/journal/files.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CHUNK = 1 << 20 };

int file_writer_begin(struct file_writer *w, int dir_fd, const char *name)
{
	*w = (struct file_writer){.dir_fd = dir_fd, .fd = -1};
	snprintf(w->name, sizeof w->name, "%s", name);
	snprintf(w->tmp, sizeof w->tmp, "%s.tmp", name);
	w->chunk = malloc(CHUNK);
	if (w->chunk)
		w->fd = openat(dir_fd, w->tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (w->fd >= 0)
		return 0;
	free(w->chunk);
	return -1;
}

static void flush(struct file_writer *w)
{
	size_t at = 0;

	while (!w->failed && at < w->used) {
		ssize_t n = write(w->fd, w->chunk + at, w->used - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			w->failed = true;
		else
			at += (size_t)n;
	}
	w->used = 0;
}

void file_writer_put(struct file_writer *w, const void *p, size_t n)
{
	const uint8_t *from = p;

	w->crc = crc32c(w->crc, p, n);
	while (n && !w->failed) {
		size_t part = CHUNK - w->used < n ? CHUNK - w->used : n;
		memcpy(w->chunk + w->used, from, part);
		w->used += part;
		from += part;
		n -= part;
		if (w->used == CHUNK)
			flush(w);
	}
}

static void drop(struct file_writer *w)
{
	int error = errno;

	close(w->fd);
	free(w->chunk);
	unlinkat(w->dir_fd, w->tmp, 0);
	errno = error;
}

int file_writer_commit(struct file_writer *w)
{
	flush(w);
	if (w->failed || fsync(w->fd) || renameat(w->dir_fd, w->tmp, w->dir_fd, w->name)) {
		drop(w);
		return -1;
	}
	close(w->fd);
	free(w->chunk);
	return fsync(w->dir_fd);
}

/* The meta file: magic, epoch u64, key, crc32c of all before it. */
struct meta {
	char magic[8];
	uint64_t epoch;
	uint8_t key[16];
	uint32_t crc;
	uint32_t zero;
};
static const char meta_magic[8] = "CHATJNL1";

static int meta_draw(int dir_fd, struct meta *m, char why[256])
{
	struct file_writer w;

	memset(m, 0, sizeof *m);
	memcpy(m->magic, meta_magic, 8);
	randombytes_buf(&m->epoch, sizeof m->epoch);
	randombytes_buf(m->key, sizeof m->key);
	m->crc = crc32c(0, m, offsetof(struct meta, crc));
	if (file_writer_begin(&w, dir_fd, "meta") == 0) {
		file_writer_put(&w, m, sizeof *m);
		if (file_writer_commit(&w) == 0)
			return 0;
	}
	snprintf(why, 256, "cannot write the journal's meta file: %s", strerror(errno));
	return -1;
}

int meta_load(int dir_fd, bool read_only, struct token_key *key, char why[256])
{
	struct meta m;
	int fd = openat(dir_fd, "meta", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && (errno != ENOENT || read_only)) {
		snprintf(why, 256, "cannot open the journal's meta file: %s", strerror(errno));
		return -1;
	}
	if (fd < 0) {
		if (meta_draw(dir_fd, &m, why))
			return -1;
	} else {
		ssize_t n = read(fd, &m, sizeof m);
		close(fd);
		if (n != sizeof m || memcmp(m.magic, meta_magic, 8) != 0 ||
			m.crc != crc32c(0, &m, offsetof(struct meta, crc))) {
			snprintf(why, 256, "the journal's meta file is damaged: put it back from a backup");
			return -1;
		}
	}
	key->epoch = m.epoch;
	memcpy(key->key, m.key, sizeof key->key);
	return 0;
}
