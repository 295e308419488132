/* The heads: what memory holds of the journal. For each user the newest event of the stream; for each conversation the newest message of each
 * direction, how many there are, and which of them were delivered and read. Grows with users and conversations, not with messages.
 *
 * Messages of one direction of a conversation are numbered from 1 (their ordinal), so that a set of marks is a watermark and runs of exceptions above it.
 * One thread applies (the queue's); it may read without the lock, everybody else takes heads_rdlock(). */
#ifndef CHAT_STORE_HEADS_H
#define CHAT_STORE_HEADS_H
#include "server/journal/files.h"

/* Marked one by one above the watermark: ordinals [lo, hi]; `at` is the place of number hi. */
struct span {
	uint32_t lo, hi;
	struct place at;
};
struct span_list {
	uint32_t n, cap;
	struct span span[];
};

enum { SPANS_MAX = 16384 /* runs of exceptions of one direction; one more isolated mark is refused */ };

/* Which of a direction's messages are marked: all up to `upto`, and the spans. */
struct marks {
	uint64_t pos; /* place of message number `upto` */
	uint32_t crc, upto;
	struct span_list *spans; /* NULL: none; ascending, not touching each other nor `upto` */
};
bool marks_cover(const struct marks *m, uint32_t ordinal);
uint32_t marks_count(const struct marks *m);
/* Marks one, or all up to it. 0; -1: too many spans or out of memory, unchanged. */
int marks_add(struct marks *m, uint32_t ordinal, struct place at, bool up_to);
/* The same for what is durable already: there is no bound, for the records of a batch may come in another order than its ops. -1: out of memory. */
int marks_apply(struct marks *m, uint32_t ordinal, struct place at, bool up_to);
int marks_copy(struct marks *to, const struct marks *from);
void marks_release(struct marks *m);

/* Of each recipient's sides there are two lists: those with unread messages, and those with messages not yet delivered. */
enum side_list { SIDE_UNREAD, SIDE_PENDING, SIDE_LISTS };

/* One direction of a conversation: messages from one user to the other. */
struct side {
	struct marks read, delivered;
	uint64_t last_pos; /* its newest message */
	uint32_t last_crc;
	uint32_t total; /* its newest message's ordinal */
	struct {
		uint32_t prev, next; /* side numbers; 0 ends */
	} link[SIDE_LISTS];
};
static inline struct place side_last(const struct side *s)
{
	return (struct place){s->last_pos, s->last_crc};
}

struct conv {
	uint32_t user[2];            /* user[0] <= user[1]; equal: notes to oneself, side 0 alone is used */
	uint32_t newer[2], older[2]; /* list of user[i]'s conversations by their newest message: numbers, 0 ends */
	uint64_t applied;            /* position of the newest record applied here */
	struct side side[2];         /* side[d]: messages from user[d] */
};
_Static_assert(sizeof(struct conv) + 3 * sizeof(uint32_t) <= 256,
	"a conversation takes at most 256 bytes, the table of them included");
/* Its newest message, of either direction. */
static inline struct place conv_last(const struct conv *c)
{
	return side_last(&c->side[c->side[1].last_pos > c->side[0].last_pos]);
}

struct heads;
struct heads *heads_new(void);
void heads_free(struct heads *h);
void heads_rdlock(struct heads *h);
void heads_wrlock(struct heads *h);
void heads_unlock(struct heads *h);

uint32_t heads_max_user(struct heads *h); /* the highest user number met */
struct place heads_user(struct heads *h, uint32_t user);
uint64_t heads_unread(struct heads *h, uint32_t user);
const struct conv *heads_conv(struct heads *h, uint32_t a, uint32_t b); /* NULL: none yet */
/* The side of messages from `from` to `to`; NULL: none yet. */
const struct side *heads_side(struct heads *h, uint32_t from, uint32_t to);

/* Walks a list of the user's: `it` begins at 0; NULL at the end. *from: who sends there. */
const struct side *heads_next(struct heads *h, enum side_list l, uint32_t user, uint32_t *it, uint32_t *from);

/* Walks the user's conversations, that of the newest message first: `it` begins at 0, or behind the one with a peer as heads_conv_it() says; NULL at the end. */
const struct conv *heads_next_conv(struct heads *h, uint32_t user, uint32_t *it);
uint32_t heads_conv_it(struct heads *h, uint32_t user, uint32_t peer); /* 0: no such conversation */

/* Applies a record; one that was applied before is passed over, so a replay may begin too early. 0, or -1 out of memory. Needs the write lock. */
int heads_apply(struct heads *h, const struct record *r);

/* Which direction a record's message belongs to, as an index into conv.side, and the conversation's key. */
static inline unsigned conv_direction(uint32_t sender, uint32_t recipient)
{
	return sender > recipient;
}
static inline uint64_t conv_key(uint32_t a, uint32_t b)
{
	return a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;
}

/* A snapshot says what the heads were after all records before `upto`, or a little later: it is taken under short read locks, and applying a record again
 * does no harm. Any thread. 0, or -1 with errno. */
int heads_save(struct heads *h, int dir_fd, uint64_t upto);
/* Loads the newest whole snapshot that speaks of nothing beyond `tail` into an empty h. *upto: where the replay begins (0: there was none). -1: out
 * of memory, h is to be thrown away. */
int heads_load(struct heads *h, int dir_fd, uint64_t tail, uint64_t *upto);

/* For the snapshot only. */
uint32_t heads_conv_count(struct heads *h);
const struct conv *heads_conv_at(struct heads *h, uint32_t i); /* i from 1 */
int heads_restore_user(struct heads *h, uint32_t user, struct place head);
/* Takes over the marks of `from`; lists and counts of the recipients are made from them. */
int heads_restore_conv(struct heads *h, const struct conv *from);
/* After the last one: puts the conversations in order. 0, or -1 out of memory. */
int heads_restore_end(struct heads *h);
#endif
