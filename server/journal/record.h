/* The one record format: what the queue carries, what the journal stores, what the distributor pushes. Little endian, 8-byte aligned,
 * version RECORD_VERSION. The procedure to change it stands in doc/format.md.
 *
 * A record is an event in the stream of one user or of two: a message in its sender's (actor) and its recipient's (peer); a read mark in
 * the reader's (actor) and the message's sender's (peer); a delivered mark in the message's sender's (peer) alone. A hidden mark is not in the peer's. */
#ifndef CHAT_JOURNAL_RECORD_H
#define CHAT_JOURNAL_RECORD_H
#include "common/base/str.h"
#include <stdint.h>

enum { RECORD_VERSION = 1, RECORD_HEAD = 88, RECORD_MAX = 1 << 17 /* bytes, whole record */, CLIENT_ID_BYTES_MAX = 64 };

enum record_type { RECORD_MESSAGE = 1, RECORD_DELIVERED = 2, RECORD_READ = 3 };
enum record_flag {
	RECORD_CLIENT_ID_MADE = 1, /* the server made the client_id: never looked up */
	RECORD_UP_TO = 2,          /* marks: all up to and with `ordinal`; else that one alone */
	RECORD_KIND_CE2E = 4,      /* messages: kind ce2e.v1 */
	RECORD_HIDDEN = 8,         /* marks: no event of the peer's stream, because the actor blocks the peer */
};

/* A place in the journal with the checksum of what stands there; pos 0: none. Both together name a record: a position alone is reused when
 * an old copy of the data directory is put back. */
struct place {
	uint64_t pos; /* bytes from the journal's beginning */
	uint32_t crc; /* crc32c of the record */
};

struct record {
	uint32_t len; /* bytes of the whole record, a multiple of 8 */
	uint8_t type, flags;
	struct place at;         /* its own place */
	uint64_t time_ms;        /* wall clock when it was accepted */
	uint32_t actor, peer;    /* user numbers */
	struct place prev_actor; /* the event before it in the actor's stream */
	struct place prev_peer;  /* the same for the peer; unused when actor == peer */
	struct place
		link; /* message: the conversation's message before it. Marks: the message marked (the newest one, of up_to) */
	uint32_t ordinal; /* message: its number among those from actor to peer, from 1. Marks: the marked message's */
	uint32_t unread;  /* read marks: what stays unread for the actor in this conversation */
	struct str client_id, body; /* messages only; slices into the record's bytes */
};

static inline bool record_for_actor(const struct record *r)
{
	return r->type != RECORD_DELIVERED;
}
/* Beside the actor's; false also when actor and peer are one and it is an event of her stream already. */
static inline bool record_for_peer(const struct record *r)
{
	return !(r->flags & RECORD_HIDDEN) && (r->type == RECORD_DELIVERED || r->peer != r->actor);
}
/* Is it an event of that user's stream? */
static inline bool record_concerns(const struct record *r, uint32_t user)
{
	return (r->actor == user && record_for_actor(r)) || (r->peer == user && record_for_peer(r));
}

/* Bytes that a record with these lengths takes. */
uint32_t record_size(size_t client_id_len, size_t body_len);
/* Writes r (len and at.crc are filled in) to out, which has record_size() bytes and is 8-byte aligned. */
void record_encode(struct record *r, uint8_t *out);
/* Reads the record at p, of which n bytes may be looked at. pos is where it is said to stand. Everything is checked, the checksum
 * too when verify. 0; -1: no valid record (torn, foreign, damaged). Slices point into p. */
int record_decode(struct record *r, const uint8_t *p, size_t n, uint64_t pos, bool verify);

uint32_t crc32c(uint32_t crc, const void *p, size_t n); /* RFC 3720 appendix B.4; start with 0 */
#endif
