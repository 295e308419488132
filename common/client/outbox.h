/* The outbox: what is to be sent is on disk first, and leaves it once the server has it. Between a recipient's entries the order is kept: each is confirmed
 * before the next is sent, so nothing passes a failure that will be tried again. A refusal that would come again stays in the outbox as failed, and what
 * is behind it goes on. A client_id stays with its entry, so that what the server had without our knowing is not sent twice.
 * One flusher at a time; others only append. No output, no exit. */
#ifndef CHAT_CLIENT_OUTBOX_H
#define CHAT_CLIENT_OUTBOX_H
#include "common/client/db.h"
#include "common/client/http.h"

/* How to reach the server. */
struct outbox_way {
	/* One POST /messages. a->status 0: there was no answer. Released by the outbox. */
	void (*post)(void *ctx, struct str body, struct http_answer *a);
	/* An entry failed for good; error: "CODE: detail". May be NULL. */
	void (*refused)(void *ctx, const char *client_id, const char *to, const char *error);
	/* For those who show it: these are on their way; that is on disk now. May be NULL. */
	void (*sending)(void *ctx, const char *client_id, const char *to);
	void (*settled)(void *ctx, const char *to, const struct settlement *s);
	void *ctx;
};

struct outbox_report {
	unsigned sent, refused;
	char why[256]; /* why some still wait, or empty */
};

enum outbox_end {
	OUTBOX_EMPTY,  /* nothing waits */
	OUTBOX_WAITS,  /* some do: for the network, the server or a login; report->why */
	OUTBOX_BUSY,   /* another process is flushing, and did not end before until_us */
	OUTBOX_BROKEN, /* the database: client_db_why() */
};

/* until_us: how long to wait for another flusher (monotonic; 0: not at all). */
enum outbox_end outbox_flush(
	struct client_db *d, const struct outbox_way *way, uint64_t until_us, struct outbox_report *report);
/* Takes the flusher's place, so that nothing is on its way. A descriptor to close, or -1 when somebody else had it until until_us. */
int outbox_lock(struct client_db *d, uint64_t until_us);
#endif
