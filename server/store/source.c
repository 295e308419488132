#include "server/store/source.h"
#include <sodium.h>

uint64_t client_key(const struct token_key *k, uint32_t sender, struct str client_id)
{
	uint8_t in[4 + CLIENT_ID_BYTES_MAX], out[crypto_shorthash_BYTES];
	uint64_t key;

	memcpy(in, &sender, 4);
	memcpy(in + 4, client_id.p, client_id.n);
	crypto_shorthash(out, in, 4 + client_id.n, k->key);
	memcpy(&key, out, sizeof key);
	return key;
}

uint32_t content_crc(uint32_t recipient, uint8_t flags, struct str body)
{
	uint32_t head[2] = {recipient, flags & RECORD_KIND_CE2E};

	return crc32c(crc32c(0, head, sizeof head), body.p, body.n);
}
