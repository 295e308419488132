/* What the queue's sequencer asks of a store: heads and look-ups. Queue thread only. */
#ifndef CHAT_STORE_SOURCE_H
#define CHAT_STORE_SOURCE_H
#include "server/store/heads.h"
#include "server/store/index.h"

struct sequencer_source {
	struct heads *heads;
	void *ctx;
	bool (*client)(void *ctx, uint64_t key, struct index_entry *out); /* as index_client() */
	bool (*last_before)(void *ctx, uint64_t conv, unsigned direction, uint64_t pos, struct index_entry *out);
	uint64_t (*mark_time)(void *ctx, uint64_t conv, uint64_t mark_class, uint32_t ordinal, uint64_t from);
	const struct token_key *key;
	/* Does one user block the other? As in struct queue_sink, which gives it; NULL: nobody does. */
	bool (*blocks)(void *ctx, uint32_t user, uint32_t whom);
	void *blocks_ctx;
};

/* The key of a sender's client_id in INDEX_CLIENT, and the checksum of a message's content that is kept with it. */
uint64_t client_key(const struct token_key *k, uint32_t sender, struct str client_id);
uint32_t content_crc(uint32_t recipient, uint8_t flags, struct str body);
#endif
