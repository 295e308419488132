#include "server/backup.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_ROOM = 4096, CHUNK = 1 << 20 };

static int fail(char why[256], const char *path)
{
	snprintf(why, 256, "%.180s: %s", path, strerror(errno));
	return -1;
}

static int make_empty(const char *to, char why[256])
{
	struct dirent *e;
	bool empty = true;

	if (mkdir(to, 0700) == 0)
		return 0;
	DIR *d = errno == EEXIST ? opendir(to) : NULL;
	if (!d)
		return fail(why, to);
	while ((e = readdir(d)))
		empty = empty && (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0);
	closedir(d);
	if (empty)
		return 0;
	snprintf(why, 256, "%.200s is not empty", to);
	return -1;
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = write(fd, p, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -1;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

/* The first `size` bytes, or all when that is less. *done: how many. */
static int copy_bytes(int in, int out, uint64_t size, uint64_t *done)
{
	char *chunk = malloc(CHUNK);
	int rc = chunk ? 0 : -1;

	*done = 0;
	while (rc == 0 && *done < size) {
		ssize_t n = read(in, chunk, size - *done < CHUNK ? (size_t)(size - *done) : CHUNK);
		if (n == 0)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		rc = n < 0 ? -1 : write_all(out, chunk, (size_t)n);
		*done += n > 0 ? (uint64_t)n : 0;
	}
	free(chunk);
	return rc;
}

static int copy_file(const char *from, const char *to, uint64_t size, struct backup *b, char why[256])
{
	uint64_t done;
	int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (in < 0)
		return fail(why, from);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc = out < 0 || copy_bytes(in, out, size, &done) || fsync(out) ? fail(why, to) : 0;
	if (rc == 0) {
		b->files++;
		b->bytes += done;
	}
	close(in);
	if (out >= 0)
		close(out);
	return rc;
}

static int sync_dir(const char *path, char why[256])
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 || fsync(fd) ? fail(why, path) : 0;

	if (fd >= 0)
		close(fd);
	return rc;
}

static int join(char out[PATH_ROOM], const char *dir, const char *name, char why[256])
{
	if (snprintf(out, PATH_ROOM, "%s/%s", dir, name) < PATH_ROOM)
		return 0;
	errno = ENAMETOOLONG;
	return fail(why, dir);
}

static int copy_named(
	const char *from, const char *to, const char *name, uint64_t size, struct backup *b, char why[256])
{
	char source[PATH_ROOM], target[PATH_ROOM];

	if (join(source, from, name, why) || join(target, to, name, why))
		return -1;
	return copy_file(source, target, size, b, why);
}

/* Up to where each segment was durable when it was asked for. */
static int copy_journal(struct journal *j, const char *from, const char *to, struct backup *b, char why[256])
{
	if (mkdir(to, 0700))
		return fail(why, to);
	if (copy_named(from, to, "meta", UINT64_MAX, b, why))
		return -1;
	/* What is rolled meanwhile would stand behind a segment that was copied before it was full. */
	for (unsigned i = 0, n = journal_segments(j); i < n; i++) {
		struct journal_segment s = journal_segment(j, i);
		char name[32];
		snprintf(name, sizeof name, "%020" PRIu64 ".seg", s.base);
		if (copy_named(from, to, name, s.end - s.base, b, why))
			return -1;
	}
	return sync_dir(to, why);
}

int backup_take(
	struct journal *j, struct accounts *a, const char *from, const char *to, struct backup *out, char why[256])
{
	char source[PATH_ROOM], target[PATH_ROOM];
	struct stat st;

	*out = (struct backup){0};
	if (to[0] != '/') {
		snprintf(why, 256, "the directory has to be an absolute path");
		return -1;
	}
	if (make_empty(to, why) || join(source, from, "journal", why) || join(target, to, "journal", why) ||
		copy_journal(j, source, target, out, why) || join(target, to, "accounts.db", why))
		return -1;
	if (accounts_backup(a, target, why))
		return -1;
	if (stat(target, &st))
		return fail(why, target);
	out->files++;
	out->bytes += (uint64_t)st.st_size;
	return sync_dir(to, why);
}
