#include "common/client/pin.h"
#include <sodium.h>
#include <string.h>

static const char prefix[] = "sha256//";

static bool parse(const char *text, unsigned char hash[crypto_hash_sha256_BYTES])
{
	size_t skip = sizeof prefix - 1, n;

	return strncmp(text, prefix, skip) == 0 && strlen(text) < PIN_MAX &&
	       sodium_base642bin(hash, crypto_hash_sha256_BYTES, text + skip, strlen(text) - skip, NULL, &n, NULL,
		       sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       n == crypto_hash_sha256_BYTES;
}

bool pin_ok(const char *text)
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	return parse(text, hash);
}

bool pin_fits(const char *pin, const void *spki, size_t n)
{
	unsigned char want[crypto_hash_sha256_BYTES], have[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(have, spki, n);
	return parse(pin, want) && sodium_memcmp(want, have, sizeof have) == 0;
}
