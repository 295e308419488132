/* The message store: what users can read. apply() is called by the distributor alone, in the queue's order; the readers' calls may be made from
 * any thread that may block (they read the disk): never from a network thread. */
#ifndef CHAT_STORE_H
#define CHAT_STORE_H
#include "common/base/buf.h"
#include "server/journal/commit.h"

/* One message with what has happened to it since. */
struct stored {
	struct record rec;              /* slices point into the page's bytes */
	uint64_t delivered_ms, read_ms; /* 0: not yet */
};

struct page_block;

/* What a read answers. Owner: the caller, page_init() before and page_release() after. */
struct page {
	struct stored *items; /* in the order asked for */
	uint32_t n, cap;
	bool more;                 /* there is at least one after these */
	struct page_block *blocks; /* the bytes of the records */
};
void page_init(struct page *p);
void page_release(struct page *p);
/* For implementations: adds a copy of a record (its bytes are rec->len at `bytes`). The new item, or NULL. */
struct stored *page_add(struct page *p, const struct record *rec, const uint8_t *bytes);

enum stream_answer {
	STREAM_OK,      /* items follow `after` without a gap (none: it is the head) */
	STREAM_UNKNOWN, /* `after` is no event of this user's stream here */
};

/* Which messages of a conversation, both directions together. */
struct history_query {
	uint32_t user, with;
	struct place at; /* pos 0: the newest ones; else those before it, or after it when `forward` */
	bool forward;
	uint32_t limit;
};

/* One conversation of a user. Places have pos 0 when there is none. */
struct conversation {
	uint32_t with, unread;
	struct place read_up_to; /* of the messages to the user: the newest such that it and all older ones are read */
	struct place peer_read_up_to, peer_delivered_up_to; /* of those from the user */
};

struct store;
struct store_ops {
	int (*apply)(struct store *s, const struct commit *c);
	/* The newest event of the user's stream; pos 0 when there is none. Any thread, does not read the disk. */
	struct place (*head)(struct store *s, uint32_t user);
	/* All unread messages of the user, over all conversations. Any thread, does not read the disk. */
	uint64_t (*unread_total)(struct store *s, uint32_t user);
	/* The message at that place with its marks: 1 found, 0 not a message of that place, -1 read error. One item is added. */
	int (*get)(struct store *s, struct place at, struct page *out);
	/* The user's stream after `after` (pos 0: from the beginning), oldest first, at most limit events. Marks are not filled in. -1: read error. */
	int (*stream)(struct store *s, uint32_t user, struct place after, uint32_t limit, enum stream_answer *answer,
		struct page *out);
	/* Unread messages to the user, oldest first, positions above `after`; from 0: of everybody. -1: read error. */
	int (*unread)(struct store *s, uint32_t user, uint32_t from, uint64_t after, uint32_t limit, struct page *out);
	/* Messages of a conversation with their marks: backward, newest first; forward, oldest first. STREAM_UNKNOWN: `at` is no message of it. -1: read error. */
	int (*history)(struct store *s, const struct history_query *q, enum stream_answer *answer, struct page *out);
	/* The user's conversations by their newest message, that of the newest first, from those on whose newest one is older than `after` (pos 0: from the
	 * beginning): at most `limit`, into list[]; their newest messages with marks are added to out, one for each. -1: read error. */
	int (*conversations)(struct store *s, uint32_t user, struct place after, uint32_t limit,
		struct conversation *list, struct page *out);
	void (*free)(struct store *s);
};
struct store {
	const struct store_ops *ops; /* first in each implementation */
};
int store_apply(struct store *s, const struct commit *c);
struct place store_head(struct store *s, uint32_t user);
uint64_t store_unread_total(struct store *s, uint32_t user);
int store_get(struct store *s, struct place at, struct page *out);
int store_stream(struct store *s, uint32_t user, struct place after, uint32_t limit, enum stream_answer *answer,
	struct page *out);
int store_unread(struct store *s, uint32_t user, uint32_t from, uint64_t after, uint32_t limit, struct page *out);
int store_history(struct store *s, const struct history_query *q, enum stream_answer *answer, struct page *out);
int store_conversations(struct store *s, uint32_t user, struct place after, uint32_t limit, struct conversation *list,
	struct page *out);
void store_free(struct store *s);
#endif
