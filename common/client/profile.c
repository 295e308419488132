#include "common/client/profile.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool profile_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > 64 || name[0] == '.')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("._-@", name[i]))
			return false;
	return n < 4 || strcmp(name + n - 4, ".tmp") != 0; /* these are files under way */
}

static int put(char *out, size_t max, const char *a, const char *b)
{
	return snprintf(out, max, "%s%s", a, b) < (int)max ? 0 : -1;
}

int profile_dir(char out[512])
{
	const char *dir = getenv("CHAT_CONFIG_DIR"), *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (dir && *dir)
		return put(out, 512, dir, "");
	if (xdg && *xdg == '/')
		return put(out, 512, xdg, "/chat");
	return home && *home ? put(out, 512, home, "/.config/chat") : -1;
}

int profile_path(const char *name, char out[700])
{
	char dir[512];

	if (profile_dir(dir))
		return -1;
	snprintf(out, 700, "%s/contexts/%s", dir, name);
	return 0;
}

/* Makes each folder of the path that is missing, private. */
static int make_dirs(const char *dir)
{
	char path[700];

	snprintf(path, sizeof path, "%s/contexts", dir);
	for (char *p = path + 1;; p++) {
		if (*p && *p != '/')
			continue;
		char was = *p;
		*p = 0;
		if (mkdir(path, 0700) && errno != EEXIST)
			return -1;
		*p = was;
		if (!was)
			return 0;
	}
}

static const struct {
	const char *key;
	size_t offset, size;
} fields[] = {
	{"url", offsetof(struct profile, url), sizeof((struct profile *)0)->url},
	{"user", offsetof(struct profile, user), sizeof((struct profile *)0)->user},
	{"token", offsetof(struct profile, token), sizeof((struct profile *)0)->token},
	{"device", offsetof(struct profile, device), sizeof((struct profile *)0)->device},
	{"cacert", offsetof(struct profile, cacert), sizeof((struct profile *)0)->cacert},
	{"pin", offsetof(struct profile, pin), sizeof((struct profile *)0)->pin},
	{"admin", offsetof(struct profile, admin), sizeof((struct profile *)0)->admin},
	{"admin_token_file", offsetof(struct profile, admin_token_file), sizeof((struct profile *)0)->admin_token_file},
};
enum { FIELDS = sizeof fields / sizeof *fields };

static void set_field(struct profile *p, char *line)
{
	char *eq = strstr(line, " = ");

	if (!eq)
		return;
	*eq = 0;
	eq[3 + strcspn(eq + 3, "\n")] = 0;
	for (unsigned i = 0; i < FIELDS; i++)
		if (strcmp(fields[i].key, line) == 0)
			snprintf((char *)p + fields[i].offset, fields[i].size, "%s", eq + 3);
}

/* Opens a private file for reading: no link, nobody else may read it. -1 with why; errno ENOENT when there is none. */
static int open_private(const char *path, char why[256])
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0) {
		int was = errno;
		snprintf(why, 256, "cannot open %.180s: %s", path,
			was == ELOOP ? "it is a symbolic link" : strerror(was));
		errno = was;
		return -1;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && !(st.st_mode & 077))
		return fd;
	close(fd);
	errno = EPERM;
	snprintf(why, 256, "%.180s is no file of mode 600: others must not read it; chmod 600 it", path);
	return -1;
}

int profile_load(struct profile *p, const char *name, char why[256])
{
	char path[700], line[700];

	*p = (struct profile){0};
	if (!profile_name_ok(name) || profile_path(name, path)) {
		snprintf(why, 256, "\"%.64s\" is no name of a context", name);
		return -1;
	}
	snprintf(p->name, sizeof p->name, "%s", name);
	int fd = open_private(path, why);
	if (fd < 0)
		return errno == ENOENT ? 1 : -1;
	FILE *f = fdopen(fd, "r");
	if (!f) {
		close(fd);
		snprintf(why, 256, "out of memory");
		return -1;
	}
	while (fgets(line, sizeof line, f))
		set_field(p, line);
	fclose(f);
	return 0;
}

/* Writes text to a private file by way of a temporary one. */
static int write_private(const char *path, const char *text, char why[256])
{
	char tmp[720];

	snprintf(tmp, sizeof tmp, "%s.%ld.tmp", path, (long)getpid());
	int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t n = strlen(text);
	bool ok = fd >= 0 && write(fd, text, n) == (ssize_t)n && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	if (ok && rename(tmp, path) == 0)
		return 0;
	snprintf(why, 256, "cannot write %.180s: %s", path, strerror(errno));
	unlink(tmp);
	return -1;
}

int profile_save(const struct profile *p, char why[256])
{
	char dir[512], path[700];
	struct buf b;
	int rc = -1;

	buf_init(&b, 8192);
	if (profile_dir(dir) || profile_path(p->name, path) || make_dirs(dir)) {
		snprintf(why, 256, "cannot make the configuration's folder: %s", strerror(errno));
		return -1;
	}
	for (unsigned i = 0; i < FIELDS; i++)
		buf_addf(&b, "%s = %s\n", fields[i].key, (const char *)p + fields[i].offset);
	buf_addc(&b, 0);
	if (!b.failed)
		rc = write_private(path, b.data, why);
	buf_release(&b);
	return rc;
}

/* What is gone is no longer the one in use. */
static void forget_current(const char *name)
{
	char dir[512], path[700], current[65];

	profile_current(current);
	if (strcmp(current, name) != 0 || profile_dir(dir))
		return;
	snprintf(path, sizeof path, "%s/current", dir);
	unlink(path);
}

int profile_remove(const char *name, char why[256])
{
	char path[700];

	if (!profile_name_ok(name) || profile_path(name, path)) {
		snprintf(why, 256, "\"%.64s\" is no name of a context", name);
		return -1;
	}
	if (unlink(path) == 0) {
		forget_current(name);
		return 0;
	}
	snprintf(why, 256, "cannot remove %.180s: %s", path, strerror(errno));
	return errno == ENOENT ? 1 : -1;
}

void profile_current(char out[65])
{
	char dir[512], path[700];
	FILE *f = NULL;

	snprintf(out, 65, "default");
	if (profile_dir(dir) == 0) {
		snprintf(path, sizeof path, "%s/current", dir);
		f = fopen(path, "re");
	}
	if (!f)
		return;
	if (fgets(out, 65, f))
		out[strcspn(out, "\n")] = 0;
	if (!profile_name_ok(out))
		snprintf(out, 65, "default");
	fclose(f);
}

int profile_use(const char *name, char why[256])
{
	char dir[512], path[700], text[80];

	if (profile_dir(dir) || make_dirs(dir)) {
		snprintf(why, 256, "cannot make the configuration's folder: %s", strerror(errno));
		return -1;
	}
	snprintf(path, sizeof path, "%s/current", dir);
	snprintf(text, sizeof text, "%s\n", name);
	return write_private(path, text, why);
}

static int is_context(const struct dirent *e)
{
	return profile_name_ok(e->d_name);
}

int profile_each(void (*fn)(void *ctx, const char *name), void *ctx)
{
	char path[700];
	struct dirent **list;

	if (profile_path("", path))
		return -1;
	int n = scandir(path, &list, is_context, alphasort);
	for (int i = 0; i < n; i++) {
		fn(ctx, list[i]->d_name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return 0;
}

int secret_read(const char *path, char *out, size_t max, char why[256])
{
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t got = 1;

	if (fd < 0) {
		snprintf(why, 256, "cannot open %.180s: %s", path, strerror(errno));
		return -1;
	}
	while (n < max && (got = read(fd, out + n, max - n)) > 0)
		n += (size_t)got;
	close(fd);
	if (got < 0 || n == max) {
		snprintf(why, 256, "%.180s: %s", path, got < 0 ? strerror(errno) : "too long");
		return -1;
	}
	if (n && out[n - 1] == '\n')
		n--;
	out[n] = 0;
	if (memchr(out, 0, n)) {
		snprintf(why, 256, "%.180s holds a NUL byte", path);
		return -1;
	}
	return 0;
}
