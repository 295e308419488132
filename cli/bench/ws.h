/* A user's WebSocket, as the contract has it: the upgrade, hello with the cursor after a break, prev against the cursor, cumulative acks, and the queue
 * of sends: what was not answered before a break goes out again first, with the same client_id, in the order in which it was said. The driver's
 * thread. What a message is and what an event means is the handler's. */
#ifndef CHAT_CLI_BENCH_WS_H
#define CHAT_CLI_BENCH_WS_H
#include "cli/bench/net.h"

enum { WS_WINDOW = 1000 /* unanswered sends: the contract allows 1,024 */, WS_QUEUE_MAX = 1 << 22 };

enum ws_state { WS_DOWN, WS_CONNECTING, WS_UPGRADING, WS_GREETING /* hello said */, WS_CATCHING_UP, WS_LIVE };

struct ws_send {
	uint64_t intended, written; /* ns; written 0: not yet */
	uint32_t pair, number;
	bool answered, again; /* again: it was written before the last break */
};

struct ws {
	struct sock sock;
	const struct ws_handler *h;
	const char *token;
	uint32_t user;
	enum ws_state state;
	bool greeted;   /* had a welcome once: the next connection is a reconnect */
	bool recovered; /* what the last welcome said */
	bool excused; /* cut or slowed by our own doing: what it sends and gets meanwhile is not blamed on the server */
	bool slow;    /* a slow reader: excused until that ends, whatever its connection does */
	uint64_t excused_until; /* ns: nor what was intended before */
	bool owes_ack, stuck;   /* stuck: window or socket did not take all that was due */
	uint64_t due;           /* ns: when to connect, or to connect again; 0: not planned */
	uint64_t began, back;   /* ns: connecting began; welcome came */
	uint64_t heard;         /* ns: when the server last said something */
	unsigned breaks;        /* failures in a row */
	/* The owner's. */
	unsigned hellos;
	bool was_live, pinged, hot;
	uint64_t slow_rate; /* bytes a second */
	uint8_t cursor_len, said_len;
	char cursor[65];
	/* Sends by number: head..next are unanswered or were, next..tail are due. A send's ref is its number. */
	struct ws_send *queue;
	uint64_t head, next, tail;
	uint32_t cap; /* a power of two, or 0 */
};

struct ws_handler {
	/* The send's JSON object with this ref, appended. */
	void (*put)(void *ctx, struct ws *w, const struct ws_send *m, uint64_t ref, struct bytes *out);
	/* Written for the first time, or again. May be NULL. */
	void (*written)(void *ctx, struct ws *w, struct ws_send *m);
	/* `sent` or `error` for a send. */
	void (*answer)(void *ctx, struct ws *w, const struct ws_send *m, const struct item *it);
	/* Everything else: message, receipt, read, error without a send. */
	void (*event)(void *ctx, struct ws *w, const struct item *it);
	void (*state)(void *ctx, struct ws *w); /* welcome (WS_CATCHING_UP) and live (WS_LIVE) */
	/* The connection failed or broke off. */
	void (*down)(void *ctx, struct ws *w, const char *why);
	void (*gap)(void *ctx, struct ws *w); /* prev is not the cursor before it */
	void *ctx;
};

void ws_init(struct ws *w, struct net *n, const struct ws_handler *h, uint32_t user, const char *token);
void ws_release(struct ws *w);
/* Begins to connect; an immediate failure comes by down(). */
void ws_open(struct ws *w);
/* Cuts the connection, by our own will: no down(). What is unanswered is due again. */
void ws_cut(struct ws *w, bool abruptly);
/* Queues a send. False: the queue is full. */
bool ws_send(struct ws *w, uint32_t pair, uint32_t number, uint64_t intended);
/* Writes what is due, as far as window and socket allow: one frame. */
void ws_push(struct ws *w);
void ws_say(struct ws *w, const char *json, size_t n);
void ws_ack(struct ws *w); /* how far it has read, when that is news */
static inline uint64_t ws_unanswered(const struct ws *w)
{
	return w->tail - w->head;
}
#endif
