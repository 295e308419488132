/* What a batch changes before it is durable: heads of users, numbers and marks of conversations, client_ids. Dropped whole after each batch; its memory is kept. Queue thread. */
#ifndef CHAT_QUEUE_OVERLAY_H
#define CHAT_QUEUE_OVERLAY_H
#include "server/store/heads.h"

/* key -> index; entries of an older generation do not count, so that clearing is free. */
struct stamp_map {
	struct {
		uint64_t key;
		uint32_t value, generation;
	} * slot;
	uint32_t cap, n, generation;
};

struct overlay_user {
	uint32_t user;
	struct place head;
	struct place ack; /* the highest cumulative ack of the batch */
};
struct overlay_side {
	struct place last;
	uint32_t total;
	bool marked;          /* read and delivered are copies of their own */
	bool delivered_moved; /* a delivered mark raised the watermark: one record at the end of the batch */
	struct marks read, delivered;
};
struct overlay_conv {
	uint32_t user[2];
	struct overlay_side side[2];
};

struct overlay {
	struct heads *heads;
	struct stamp_map user_map, conv_map, client_map;
	struct overlay_user *users;
	struct overlay_conv *convs;
	uint32_t n_users, cap_users, n_convs, cap_convs;
};
void overlay_init(struct overlay *o, struct heads *h);
void overlay_release(struct overlay *o);
void overlay_clear(struct overlay *o);
/* Pointers are good until the next call that makes an entry. NULL: out of memory. */
struct overlay_user *overlay_user(struct overlay *o, uint32_t user);
struct overlay_conv *overlay_conv(struct overlay *o, uint32_t a, uint32_t b);
/* Gives the side marks of its own. 0, or -1 out of memory. */
int overlay_marks(struct overlay *o, struct overlay_conv *c, unsigned d);
/* The outcome of this batch that a client key belongs to: its number, or UINT32_MAX. */
uint32_t overlay_client(struct overlay *o, uint64_t key);
int overlay_client_set(struct overlay *o, uint64_t key, uint32_t outcome);
#endif
