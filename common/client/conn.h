/* One connection of stream.h as a state machine: no sockets, no clock, no threads. What happens is told to it (opened, text, closed, tick), with the time;
 * what it wants of the world it says by its rim. Says hello, resumes by cursor, checks that each event follows the one before and asks again when one does
 * not, drops what it has seen, pings when it is silent, waits with full jitter between tries, knows the codes after which there is no use in trying.
 * Its handler gets each event once and in order, or a welcome that says that the server did not recover its place.
 * Owner: whoever embeds it; one thread. Times are microseconds of any clock that only goes forward. */
#ifndef CHAT_CLIENT_CONN_H
#define CHAT_CLIENT_CONN_H
#include "common/client/stream.h"

struct conn_rim {
	/* One text frame, to be sent behind those before. 0, or -1: no room. */
	int (*send)(void *ctx, const char *frame);
	/* The connection is to be ended: conn_closed() follows. */
	void (*drop)(void *ctx);
	/* Anything from 0 to below - 1. */
	uint32_t (*random)(void *ctx, uint32_t below);
	void *ctx;
};

enum { CONN_SEEN = 1024 /* ids of the last messages, against repeats after a resume */ };

struct conn {
	const struct stream_handler *h;
	const struct conn_rim *rim;
	char cursor[65]; /* of the last event that was handled */
	char why[256];   /* of the last break */
	int code;        /* its close code or HTTP status; 0: none */
	char seen[CONN_SEEN][65];
	unsigned next_seen;
	unsigned failures; /* tries in a row */
	unsigned hellos;   /* said again since the last event that followed */
	unsigned ping_ms;
	uint64_t next_try_us, heard_us; /* next_try_us 0: none is due */
	uint64_t asked_us;              /* a hello or ping that nothing was heard after; 0: none */
	uint64_t bye_us;                /* what bye asked to wait; 0: no bye */
	uint64_t now_us;                /* as it was told last */
	bool open, welcomed;
	bool ever_live;
	bool done;    /* the handler wants no more */
	bool drained; /* done, and what was sent before has arrived, or never will */
	bool refused; /* no use in trying again */
};

/* cursor: where to resume, or NULL. h and rim are borrowed. */
void conn_init(struct conn *c, const struct stream_handler *h, const struct conn_rim *rim, const char *cursor);
void conn_start(struct conn *c, uint64_t now_us); /* the first try is due, and it is not done */
/* A try is due: it begins, and conn_opened() or conn_closed() follows. */
bool conn_try(struct conn *c, uint64_t now_us);
void conn_opened(struct conn *c, uint64_t now_us);
void conn_text(struct conn *c, const char *text, size_t n, uint64_t now_us);
/* What is known of a break before conn_closed(): a close code or HTTP status, and a sentence; the first sentence stays. */
void conn_because(struct conn *c, int code, const char *why);
enum conn_next {
	CONN_WAIT,   /* before the next try */
	CONN_AT_ONCE /* there is another address to try; not after a connection that had been open, or a code */
};
void conn_closed(struct conn *c, const char *why, enum conn_next next, uint64_t now_us);
void conn_refuse(struct conn *c, const char *why); /* before conn_closed(): no use in trying again */
void conn_tick(struct conn *c, uint64_t now_us);   /* at least once a second */
#endif
