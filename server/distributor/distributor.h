/* The message distributor: takes commits from the queue in order, applies each to the store, finds the connections of those concerned by presence, and
 * hands each network thread what its connections are to be told: one post a thread and commit. Runs on the queue's thread. */
#ifndef CHAT_DISTRIBUTOR_H
#define CHAT_DISTRIBUTOR_H
#include "server/net/net.h"
#include "server/presence/presence.h"
#include "server/queue/queue.h"
#include "server/store/store.h"

enum delivery_what {
	DELIVER_SENT,  /* this connection's own send: outcome and record together; the `sent` with cursor and prev */
	DELIVER_EVENT, /* an event of this user's stream */
	DELIVER_ANSWER, /* an outcome without a record of its own: error, repeat, mark already made, or an HTTP request's */
};

struct delivery_item {
	conn_ref to;
	enum delivery_what what;
	uint32_t user;    /* whose stream: prev and cursor are this user's */
	uint32_t record;  /* index in the commit's records (SENT, EVENT) */
	uint32_t outcome; /* index in the commit's outcomes (SENT, ANSWER) */
};

/* What one network thread gets of one commit. Items stand in stream order for each connection. The receiver frees it with delivery_free(). */
struct delivery {
	struct net_msg msg;
	enum { POST_DELIVERY = 1 } kind; /* the first word after the head tells posts apart */
	struct commit *commit;
	uint32_t n;
	struct delivery_item items[];
};
void delivery_free(struct delivery *d);

struct distributor;
struct metrics;
/* All are borrowed. net is set later, before the first commit. */
struct distributor *distributor_new(struct store *s, struct presence *p, struct metrics *m, unsigned threads);
void distributor_set_net(struct distributor *d, struct net *n);
/* Called on the queue's thread when nothing can be stored any more: see struct queue_sink. */
void distributor_set_failed(struct distributor *d, void (*failed)(void *ctx, const char *why), void *ctx);
struct queue_sink distributor_sink(struct distributor *d);
void distributor_free(struct distributor *d);
#endif
