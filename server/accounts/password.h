/* Password hashes: Argon2id (RFC 9106) by libsodium, and the names nobody may take. Slow by intent: pool threads only. */
#ifndef CHAT_ACCOUNTS_PASSWORD_H
#define CHAT_ACCOUNTS_PASSWORD_H
#include "common/base/err.h"
#include "common/base/str.h"
#include <stdint.h>

enum { PASSWORD_TEXT = 128 }; /* bytes of an encoded hash with its NUL */

struct password_cost {
	unsigned kib, passes;
};
/* OK, or ERR_OVERLOADED when there is no memory for it. */
enum err password_hash(const struct password_cost *c, struct str password, char out[PASSWORD_TEXT]);
/* OK, ERR_BAD_LOGIN, or ERR_OVERLOADED. encoded: NUL-terminated. */
enum err password_check(const char *encoded, struct str password);
bool password_outdated(const struct password_cost *c, const char *encoded); /* made at another cost */
bool name_reserved(struct str name);
#endif
