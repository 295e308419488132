/* Inside api/ only: one open WebSocket. The session is the pure part; this is what ties it to a connection. Network thread. */
#ifndef CHAT_API_SOCKET_H
#define CHAT_API_SOCKET_H
#include "server/api/session.h"
#include "server/api/thread.h"

struct socket {
	struct api_posted tag; /* kind: API_SOCKET */
	struct ws_session s;
	struct api_thread *t;
	struct conn *c;
	struct session who;
	bool present; /* in presence */
	bool reading; /* a page is being read */
	bool in_paging;
	bool bye_said;
	bool closing;        /* nothing more is taken from it */
	uint32_t lookups;    /* marks that wait for the store */
	size_t counted;      /* bytes of its session in the thread's `waiting` */
	struct watch *watch; /* whom it watches */
	uint32_t n_watch;
	bool watch_due;            /* something of it is still to be told */
	uint64_t typing_due_us;    /* monotonic */
	uint64_t received, pushed; /* frames from it, stream events to it */
	uint64_t behind_us;        /* monotonic, since when it is not live; 0: it is */
	TAILQ_ENTRY(socket) link, paging_link;
};

enum { CLOSE_RESTART = 1012, CLOSE_PROTOCOL = 4400, CLOSE_AUTH = 4401, CLOSE_LOCKED = 4403, CLOSE_TOO_MANY = 4409 };

void socket_close(struct socket *k, unsigned code, const char *reason);
void socket_error(struct socket *k, int64_t ref, const struct refusal *why);
void socket_err(struct socket *k, int64_t ref, enum err e, const char *field, const char *detail);
/* After anything was written to the session, or its page is wanted. */
void socket_stir(struct socket *k);
void socket_hello(struct socket *k, const struct place *after);
void socket_unanswered(struct socket *k, int change);

/* frames.c */
void frame_take(struct socket *k, struct str text);

/* lookups.c: a mark by message id; 0, -1: out of memory. */
struct lookup {
	conn_ref to;
	uint32_t user, with; /* with: 0, or whose message it has to be */
	struct place at;
	int64_t ref; /* -1: none */
	bool up_to;
	/* The answer. */
	enum err err;
	uint32_t sender, ordinal;
};
int lookup_add(struct api_thread *t, const struct lookup *l);
uint32_t lookups_count(const struct api_thread *t); /* of this turn so far */
void lookups_cut(struct socket *k, uint32_t n);     /* forgets those behind the first n, which are all k's */
#endif
