/* REST over kept connections (HTTP/1.1, no pipelining): lanes, each with one request under way and a queue of others. What goes through one lane is
 * done in order. A request that got no answer is made again on a new connection: each of ours may be made twice. The driver's thread. */
#ifndef CHAT_CLI_BENCH_REST_H
#define CHAT_CLI_BENCH_REST_H
#include "cli/bench/net.h"

enum { REST_LANES = 256, REST_QUEUE_MAX = 1 << 20, REST_TARGET = 200 };

struct rest_call {
	uint64_t intended, written; /* ns */
	uint32_t kind;              /* the owner's */
	uint32_t user;              /* who asks */
	uint32_t a, b;              /* the owner's */
	char target[REST_TARGET];   /* empty: put() knows it from the rest */
	bool again, waited;         /* waited: its lane was not free at once */
};
struct rest_answer {
	unsigned status;
	struct str body, head;
	unsigned retry_after_s;
};
struct rest;
struct rest_handler {
	/* The whole request, appended; by rest_put(). */
	void (*put)(void *ctx, struct rest_call *c, struct bytes *out);
	/* May queue further calls. */
	void (*answer)(void *ctx, struct rest_call *c, const struct rest_answer *a);
	void (*down)(void *ctx, const char *why,
		bool busy); /* a connection failed or broke; busy: with a request under way */
	void *ctx;
};

struct rest *rest_new(struct net *n, const struct rest_handler *h, unsigned lanes);
void rest_free(struct rest *r);
/* lane: any number, taken modulo the lanes; UINT32_MAX: whichever is free. False: the queue is full. */
bool rest_queue(struct rest *r, uint32_t lane, const struct rest_call *c);
/* Connections that broke are tried again when their time has come; now and then, or the calls wait for ever. */
void rest_tend(struct rest *r);
uint64_t rest_waiting(const struct rest *r); /* queued or under way */
void rest_drop(struct rest *r);              /* whatever waits, without an answer */
/* Appends a request. token NULL, body.p NULL: none. */
void rest_put(struct bytes *out, const struct net *n, const char *method, const char *target, const char *token,
	struct str body);
/* The target of a Link header's rel="next", cut from the answer's head into out; false: there is none. */
bool rest_next(const struct rest_answer *a, char out[REST_TARGET]);
#endif
