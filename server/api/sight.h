/* What one user may see of another: the one rule about presence and receipts. Any thread, never waits for the disk. */
#ifndef CHAT_API_SIGHT_H
#define CHAT_API_SIGHT_H
#include "server/api/api.h"

/* May the viewer see whether `user` is online? Not when she blocks the viewer, nor, where only contacts see it, when the viewer is none of hers. */
bool sight_presence(struct api *a, uint32_t viewer, uint32_t user);

struct sighting {
	bool online;
	uint64_t last_seen_ms; /* 0: never, or hidden */
};
struct sighting sight_of(struct api *a, uint32_t viewer, uint32_t user);
/* Appends "online":…,"last_seen":… */
void sight_write(struct buf *b, const struct sighting *s);

/* Does `user` hide from the viewer what she does with the viewer's messages? */
bool sight_receipts_hidden(struct api *a, uint32_t viewer, uint32_t user);
/* Takes from the messages of a page the times that their recipients hide from the viewer: those since the block. */
void sight_hide(struct api *a, uint32_t viewer, struct page *page);
#endif
