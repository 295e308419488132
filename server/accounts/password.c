#include "server/accounts/password.h"
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

_Static_assert(PASSWORD_TEXT >= crypto_pwhash_argon2id_STRBYTES, "an encoded hash fits");

enum err password_hash(const struct password_cost *c, struct str password, char out[PASSWORD_TEXT])
{
	if (crypto_pwhash_argon2id_str(out, password.p, password.n, c->passes, (size_t)c->kib * 1024))
		return ERR_OVERLOADED;
	return ERR_OK;
}

enum err password_check(const char *encoded, struct str password)
{
	char text[PASSWORD_TEXT] = {0}; /* libsodium wants the rest of it zeroed */

	strncpy(text, encoded, sizeof text - 1);
	errno = 0;
	int rc = crypto_pwhash_argon2id_str_verify(text, password.p, password.n);
	sodium_memzero(text, sizeof text);
	if (rc == 0)
		return ERR_OK;
	return errno == EINVAL ? ERR_BAD_LOGIN : ERR_OVERLOADED;
}

bool password_outdated(const struct password_cost *c, const char *encoded)
{
	char text[PASSWORD_TEXT] = {0};

	strncpy(text, encoded, sizeof text - 1);
	return crypto_pwhash_argon2id_str_needs_rehash(text, c->passes, (size_t)c->kib * 1024) != 0;
}

/* Sorted. */
static const char *const reserved[] = {"abuse", "admin", "administrator", "all", "anonymous", "api", "bot", "chat",
	"chatctl", "chatd", "chatui", "current", "daemon", "everyone", "help", "here", "hostmaster", "info", "me",
	"moderator", "nobody", "noreply", "null", "operator", "postmaster", "root", "security", "server", "staff",
	"support", "sysadmin", "system", "undefined", "webmaster"};

static int compare(const void *key, const void *item)
{
	const struct str *k = key;
	const char *r = *(const char *const *)item;
	int d = strncmp(k->p, r, k->n);

	return d ? d : r[k->n] ? -1 : 0;
}

bool name_reserved(struct str name)
{
	return bsearch(&name, reserved, sizeof reserved / sizeof *reserved, sizeof *reserved, compare) != NULL;
}
