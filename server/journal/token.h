/* Public ids and cursors <-> places in the journal. Both carry a keyed hash (SipHash-2-4, Aumasson and Bernstein 2012, by libsodium), so that a forged one is refused before anything is read,
 * and the record's checksum, so that one from an older copy of the data is unknown. Text is base64url without padding (RFC 4648 section 5).
 *
 * id (33 characters): the letter m, so that none looks like an option, then 6 bytes of hash over (place, sender), 6 over (place, recipient), crc u32, pos u64: so it authorises its reader without a look-up.
 * cursor (28 characters): the letter c, then 8 bytes of hash over (epoch, user, place), crc u32, pos u64. Any thread. */
#ifndef CHAT_JOURNAL_TOKEN_H
#define CHAT_JOURNAL_TOKEN_H
#include "server/journal/record.h"

extern const char token_alphabet[65]; /* of base64url, by value */

enum { ID_TEXT = 33, CURSOR_TEXT = 28 };
struct token_key {
	uint8_t key[16];
	uint64_t epoch; /* drawn anew by restore: all older cursors are then unknown */
};
void id_format(const struct token_key *k, struct place at, uint32_t sender, uint32_t recipient, char out[ID_TEXT]);
/* 0 when `text` is an id that `user` may see, else -1 (malformed, forged, another's). */
int id_parse(const struct token_key *k, struct str text, uint32_t user, struct place *at);
void cursor_format(const struct token_key *k, struct place at, uint32_t user, char out[CURSOR_TEXT]);
int cursor_parse(const struct token_key *k, struct str text, uint32_t user, struct place *at);
#endif
