/* Inside api/ only: what belongs to one network thread, and what its files share. Nothing here is touched by another thread. */
#ifndef CHAT_API_THREAD_H
#define CHAT_API_THREAD_H
#include "server/api/api.h"
#include "server/api/gauges.h"
#include "server/api/write.h"
#include "server/distributor/distributor.h"
#include "server/ops/metrics.h"
#include <errno.h>

enum { CHANGED_MAX = 256 /* users whose presence changed in a turn, before they are told of early */ };
enum { MADE_ID = 22 /* characters of a client_id that the server makes */ };

/* What pools and the distributor post: `kind` is the first word after the head (see struct delivery). Calls and sockets, the two things that
 * a connection's data can be, are told apart by it, too. */
enum api_post {
	API_POST_DELIVERY = 1,
	API_POST_CALL,
	API_POST_PAGE,
	API_POST_LOOKUPS,
	API_POST_PRESENCE,
	API_POST_TYPING,
	API_POSTS,
	API_SOCKET
};
struct api_posted {
	struct net_msg msg;
	int kind;
};

struct socket;
struct lookups;
struct watch_table;

struct api_thread {
	struct api_thread *next; /* of the api's list */
	struct api *api;
	struct net_thread *net;
	struct writer writer;
	struct op_batch *batch;  /* of this turn; NULL: none yet */
	struct lookups *lookups; /* of this turn */
	TAILQ_HEAD(, socket) sockets;
	TAILQ_HEAD(, socket) paging; /* those that are to read a page, when a pool thread is free */
	TAILQ_HEAD(, api_call) parked;
	struct watch_table *watches; /* of its sockets; NULL: none yet */
	uint32_t n_changed, changed[CHANGED_MAX];
	uint32_t pushed;   /* events of this turn, for the metrics */
	uint64_t revision; /* of the sessions, as last looked at */
	uint64_t alive_us; /* monotonic, when that was */
	size_t waiting;    /* bytes that wait in all sessions of the thread */
	struct buf limits; /* the JSON object of limits in welcome */
	uint64_t made;     /* counts the client_ids made */
	char made_prefix[11];
	struct thread_gauges gauges;
	uint64_t looked_us; /* monotonic, when they were taken */

	/* What head() found, for request() or ws_open() of the same connection, which mostly follow at once. */
	conn_ref head_conn;
	const struct api_route *head_route;
	struct session head_session;
};

static inline void thread_count(struct api *a, enum metric_counter which, int64_t n)
{
	if (a->metrics)
		metric_add(a->metrics, which, n);
}

/* The thread's own; made at its first callback. */
struct api_thread *api_thread_of(struct api *a, struct net_thread *t);
/* The batch of ops that is gathered in this turn and goes to the queue at its end. NULL: out of memory. */
struct op_batch *thread_batch(struct api_thread *t);

/* routes.c. on: a side's bits (enum api_on). NULL: no such path, or *allow is set ("GET, POST"; valid until the next call on this thread). param: NUL-terminated. */
const struct api_route *route_find(
	unsigned on, enum http_method m, struct str path, char param[PARAM_MAX + 1], const char **allow);
bool route_public(unsigned on, struct str path); /* every method of the path goes without a token */

static inline struct api_thread *call_thread(const struct api_call *c)
{
	return net_thread_data(c->thread);
}

/* call.c */
void call_begin(struct api_thread *t, struct conn *c, const struct api_route *r, const struct session *s,
	const struct http_head *h, const char *param, struct str body);
void call_returned(struct api_thread *t, struct net_msg *m); /* from a pool */
void call_closed(struct api_call *c);                        /* its connection is gone */
void calls_tick(struct api_thread *t);

/* socket.c */
void socket_open(struct api_thread *t, struct conn *c);
void socket_closed(struct socket *k);
void socket_text(struct socket *k, struct str text);
bool socket_fill(struct socket *k, struct buf *out);
void socket_deliver(struct socket *k, const struct commit *c, const struct delivery_item *item);
void socket_page(struct api_thread *t, struct net_msg *m); /* from a pool */
void sockets_turn_end(struct api_thread *t);
void sockets_tick(struct api_thread *t);

/* After a call of the store that answered -1, on the same thread. */
static inline enum err store_failure(void)
{
	return errno == ENOMEM ? ERR_OVERLOADED : ERR_INTERNAL;
}

/* mailbox.c: enqueues the delivered marks of messages that are about to be shown to `user`. Any thread. */
void mark_shown(struct api *a, uint32_t user, const struct page *page);

/* lookups.c: marks by id need the message's place in its conversation, which is read from the store: all of a turn by one job. */
void lookups_turn_end(struct api_thread *t);
void lookups_returned(struct api_thread *t, struct net_msg *m);
#endif
