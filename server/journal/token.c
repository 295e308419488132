#include "server/journal/token.h"
#include <sodium.h>

enum { HASH_ID = 6, HASH_CURSOR = 8, ID_BYTES = 24, CURSOR_BYTES = 20, NO_LETTER = 64 };

const char token_alphabet[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void hash(
	const struct token_key *k, struct place at, uint64_t who, uint64_t what, uint8_t out[crypto_shorthash_BYTES])
{
	uint64_t in[4] = {at.pos, at.crc, who, what};

	crypto_shorthash(out, (const uint8_t *)in, sizeof in, k->key);
}

static void encode(const uint8_t *in, size_t n, char *out)
{
	for (; n >= 3; n -= 3, in += 3, out += 4) {
		uint32_t v = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
		out[0] = token_alphabet[v >> 18];
		out[1] = token_alphabet[v >> 12 & 63];
		out[2] = token_alphabet[v >> 6 & 63];
		out[3] = token_alphabet[v & 63];
	}
	if (n == 2) {
		uint32_t v = (uint32_t)in[0] << 8 | in[1];
		out[0] = token_alphabet[v >> 10];
		out[1] = token_alphabet[v >> 4 & 63];
		out[2] = token_alphabet[(v << 2) & 63];
	}
}

/* What a letter of the alphabet stands for; NO_LETTER: it is none. */
static const uint8_t value[128] = {64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 62, 64, 64, 52,
	53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 64, 64, 64, 64, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
	14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 63, 64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35,
	36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64};

/* Strict: the letter and exactly n bytes, no other way to write the same ones. Done here, for libsodium 1.0.18 takes bytes above 0x7f for
 * letters. */
static int decode(struct str text, char first, uint8_t *out, size_t n)
{
	uint32_t bits = 0;
	unsigned have = 0;

	if (text.n != 1 + (n * 4 + 2) / 3 || text.p[0] != first)
		return -1;
	for (size_t i = 1; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c > 0x7f || value[c] == NO_LETTER)
			return -1;
		bits = bits << 6 | value[c];
		have += 6;
		if (have >= 8) {
			have -= 8;
			*out++ = (uint8_t)(bits >> have);
		}
	}
	return bits & ((1u << have) - 1) ? -1 : 0;
}

static void put_place(uint8_t *p, struct place at)
{
	memcpy(p, &at.crc, 4);
	memcpy(p + 4, &at.pos, 8);
}

static struct place get_place(const uint8_t *p)
{
	struct place at;

	memcpy(&at.crc, p, 4);
	memcpy(&at.pos, p + 4, 8);
	return at;
}

void id_format(const struct token_key *k, struct place at, uint32_t sender, uint32_t recipient, char out[ID_TEXT])
{
	uint8_t raw[ID_BYTES], h[crypto_shorthash_BYTES];

	hash(k, at, sender, 1, h);
	memcpy(raw, h, HASH_ID);
	hash(k, at, recipient, 2, h);
	memcpy(raw + HASH_ID, h, HASH_ID);
	put_place(raw + 2 * HASH_ID, at);
	out[0] = 'm';
	encode(raw, sizeof raw, out + 1);
}

int id_parse(const struct token_key *k, struct str text, uint32_t user, struct place *at)
{
	uint8_t raw[ID_BYTES], h1[crypto_shorthash_BYTES], h2[crypto_shorthash_BYTES];

	if (decode(text, 'm', raw, sizeof raw))
		return -1;
	*at = get_place(raw + 2 * HASH_ID);
	hash(k, *at, user, 1, h1);
	hash(k, *at, user, 2, h2);
	int as_sender = sodium_memcmp(raw, h1, HASH_ID), as_recipient = sodium_memcmp(raw + HASH_ID, h2, HASH_ID);
	return as_sender == 0 || as_recipient == 0 ? 0 : -1;
}

void cursor_format(const struct token_key *k, struct place at, uint32_t user, char out[CURSOR_TEXT])
{
	uint8_t raw[CURSOR_BYTES], h[crypto_shorthash_BYTES];

	hash(k, at, user, k->epoch, h);
	memcpy(raw, h, HASH_CURSOR);
	put_place(raw + HASH_CURSOR, at);
	out[0] = 'c';
	encode(raw, sizeof raw, out + 1);
}

int cursor_parse(const struct token_key *k, struct str text, uint32_t user, struct place *at)
{
	uint8_t raw[CURSOR_BYTES], h[crypto_shorthash_BYTES];

	if (decode(text, 'c', raw, sizeof raw))
		return -1;
	*at = get_place(raw + HASH_CURSOR);
	hash(k, *at, user, k->epoch, h);
	return sodium_memcmp(raw, h, HASH_CURSOR) == 0 ? 0 : -1;
}
