#include "server/journal/record.h"
#include <endian.h>

/* Where each field stands; see doc/format.md. */
enum {
	AT_LEN = 0,
	AT_CRC = 4,
	AT_TYPE = 8,
	AT_VERSION = 9,
	AT_FLAGS = 10,
	AT_CLIENT_ID_LEN = 11,
	AT_BODY_LEN = 12,
	AT_POS = 16,
	AT_TIME = 24,
	AT_ACTOR = 32,
	AT_PEER = 36,
	AT_PREV_ACTOR = 40,
	AT_PREV_PEER = 48,
	AT_LINK = 56,
	AT_PREV_ACTOR_CRC = 64,
	AT_PREV_PEER_CRC = 68,
	AT_LINK_CRC = 72,
	AT_ORDINAL = 76,
	AT_UNREAD = 80,
	AT_ZERO = 84,
};

static void put32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof v);
}

static void put64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof v);
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return le32toh(v);
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return le64toh(v);
}

uint32_t record_size(size_t client_id_len, size_t body_len)
{
	return (uint32_t)((RECORD_HEAD + client_id_len + body_len + 7) & ~(size_t)7);
}

void record_encode(struct record *r, uint8_t *out)
{
	size_t used = RECORD_HEAD + r->client_id.n + r->body.n;

	r->len = record_size(r->client_id.n, r->body.n);
	put32(out + AT_LEN, r->len);
	out[AT_TYPE] = r->type;
	out[AT_VERSION] = RECORD_VERSION;
	out[AT_FLAGS] = r->flags;
	out[AT_CLIENT_ID_LEN] = (uint8_t)r->client_id.n;
	put32(out + AT_BODY_LEN, (uint32_t)r->body.n);
	put64(out + AT_POS, r->at.pos);
	put64(out + AT_TIME, r->time_ms);
	put32(out + AT_ACTOR, r->actor);
	put32(out + AT_PEER, r->peer);
	put64(out + AT_PREV_ACTOR, r->prev_actor.pos);
	put64(out + AT_PREV_PEER, r->prev_peer.pos);
	put64(out + AT_LINK, r->link.pos);
	put32(out + AT_PREV_ACTOR_CRC, r->prev_actor.crc);
	put32(out + AT_PREV_PEER_CRC, r->prev_peer.crc);
	put32(out + AT_LINK_CRC, r->link.crc);
	put32(out + AT_ORDINAL, r->ordinal);
	put32(out + AT_UNREAD, r->unread);
	put32(out + AT_ZERO, 0);
	if (r->client_id.n)
		memcpy(out + RECORD_HEAD, r->client_id.p, r->client_id.n);
	if (r->body.n)
		memcpy(out + RECORD_HEAD + r->client_id.n, r->body.p, r->body.n);
	memset(out + used, 0, r->len - used);
	r->at.crc = crc32c(0, out + AT_TYPE, r->len - AT_TYPE);
	put32(out + AT_CRC, r->at.crc);
}

static int head_plausible(const uint8_t *p, size_t n, uint64_t pos)
{
	uint32_t len;

	if (n < RECORD_HEAD)
		return 0;
	len = get32(p + AT_LEN);
	if (len < RECORD_HEAD || len > RECORD_MAX || len > n || p[AT_VERSION] != RECORD_VERSION)
		return 0;
	if (p[AT_TYPE] < RECORD_MESSAGE || p[AT_TYPE] > RECORD_READ || get64(p + AT_POS) != pos)
		return 0;
	if (p[AT_CLIENT_ID_LEN] > CLIENT_ID_BYTES_MAX || get32(p + AT_BODY_LEN) > RECORD_MAX)
		return 0;
	return record_size(p[AT_CLIENT_ID_LEN], get32(p + AT_BODY_LEN)) == len;
}

int record_decode(struct record *r, const uint8_t *p, size_t n, uint64_t pos, bool verify)
{
	if (!head_plausible(p, n, pos))
		return -1;
	r->len = get32(p + AT_LEN);
	r->at = (struct place){pos, get32(p + AT_CRC)};
	if (verify && crc32c(0, p + AT_TYPE, r->len - AT_TYPE) != r->at.crc)
		return -1;
	r->type = p[AT_TYPE];
	r->flags = p[AT_FLAGS];
	r->time_ms = get64(p + AT_TIME);
	r->actor = get32(p + AT_ACTOR);
	r->peer = get32(p + AT_PEER);
	r->prev_actor = (struct place){get64(p + AT_PREV_ACTOR), get32(p + AT_PREV_ACTOR_CRC)};
	r->prev_peer = (struct place){get64(p + AT_PREV_PEER), get32(p + AT_PREV_PEER_CRC)};
	r->link = (struct place){get64(p + AT_LINK), get32(p + AT_LINK_CRC)};
	r->ordinal = get32(p + AT_ORDINAL);
	r->unread = get32(p + AT_UNREAD);
	r->client_id = (struct str){(const char *)p + RECORD_HEAD, p[AT_CLIENT_ID_LEN]};
	r->body = (struct str){(const char *)p + RECORD_HEAD + r->client_id.n, get32(p + AT_BODY_LEN)};
	return 0;
}
