/* A pin: the hash of a server's public key, in curl's form "sha256//BASE64". A server whose certificate has another key is not talked to, whoever signed
 * it. Pure; any thread. */
#ifndef CHAT_CLIENT_PIN_H
#define CHAT_CLIENT_PIN_H
#include "common/base/str.h"

enum { PIN_MAX = 64 }; /* bytes of its text, with the NUL */

bool pin_ok(const char *text);
/* spki: the key as SubjectPublicKeyInfo in DER, as certificates have it. */
bool pin_fits(const char *pin, const void *spki, size_t n);
#endif
