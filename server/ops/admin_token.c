#include "server/ops/admin_token.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse(const char *path, const char *what, char why[256])
{
	snprintf(why, 256, "%.180s: %s", path, what);
	return -1;
}

static int read_token(struct admin_token *t, const char *path, int fd, char why[256])
{
	struct stat st;
	ssize_t n = read(fd, t->text, ADMIN_TOKEN_TEXT);
	uint8_t secret[32];
	size_t got = 0;

	if (n < 0 || fstat(fd, &st))
		return refuse(path, strerror(errno), why);
	if (st.st_mode & 077)
		return refuse(path, "others may read the admin token; chmod it to 600", why);
	int rc = sodium_base642bin(
		secret, sizeof secret, t->text, (size_t)n, NULL, &got, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_memzero(secret, sizeof secret);
	if (rc || got != sizeof secret)
		return refuse(path, "is no admin token; remove it and a new one is drawn", why);
	t->text[ADMIN_TOKEN_TEXT] = 0;
	return 0;
}

/* By a temporary name, so that there is never half a token. */
static int draw_token(struct admin_token *t, const char *path, char why[256])
{
	char tmp[4200];
	uint8_t secret[32];

	randombytes_buf(secret, sizeof secret);
	sodium_bin2base64(t->text, sizeof t->text, secret, sizeof secret, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_memzero(secret, sizeof secret);
	t->drawn = true;
	snprintf(tmp, sizeof tmp, "%s.tmp", path);
	int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return refuse(tmp, strerror(errno), why);
	bool done =
		write(fd, t->text, ADMIN_TOKEN_TEXT) == ADMIN_TOKEN_TEXT && write(fd, "\n", 1) == 1 && fsync(fd) == 0;
	close(fd);
	if (done && rename(tmp, path) == 0)
		return 0;
	refuse(path, strerror(errno), why);
	unlink(tmp);
	return -1;
}

int admin_token_load(struct admin_token *t, const char *path, char why[256])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	t->drawn = false;
	if (fd < 0)
		return errno == ENOENT ? draw_token(t, path, why) : refuse(path, strerror(errno), why);
	int rc = read_token(t, path, fd, why);
	close(fd);
	return rc;
}

bool admin_token_is(const struct admin_token *t, struct str text)
{
	return text.n == ADMIN_TOKEN_TEXT && sodium_memcmp(t->text, text.p, ADMIN_TOKEN_TEXT) == 0;
}
