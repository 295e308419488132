/* The live stream over WebSocket: the only lws user among the clients. Connects, says hello, resumes by cursor after every break, checks that each
 * event follows the one before, drops what it has seen, pings when it is silent. No output, no exit. One thread: the caller's, inside stream_run(). */
#ifndef CHAT_CLIENT_STREAM_H
#define CHAT_CLIENT_STREAM_H
#include "common/base/buf.h"

struct cJSON;
struct stream;

enum stream_state { STREAM_CONNECTING, STREAM_CATCHING_UP, STREAM_LIVE, STREAM_WAITING /* for the next try */ };

struct stream_handler {
	/* One event, in order, seen for the first time; welcome and live too, at each connection. Answers 0 to go on; else stream_run() ends with STREAM_DONE. */
	int (*event)(void *ctx, const char *ev, const struct cJSON *event);
	void (*state)(
		void *ctx, enum stream_state s, const char *why); /* may be NULL; why: after a break, for people */
	/* Behind the last event that came in one frame: time to commit, and to answer. As event(). May be NULL. */
	int (*settled)(void *ctx);
	/* Asked about every 100 ms: not 0 ends the run with STREAM_DONE. May be NULL. */
	int (*tick)(void *ctx);
	void *ctx;
};

enum stream_end {
	STREAM_DONE,    /* the handler said so */
	STREAM_TIMEOUT, /* until_us came */
	STREAM_REFUSED, /* a close code or an HTTP status that says: do not try again */
	STREAM_FAILED,  /* no first connection within the tries, or no memory */
};

/* url: the server's base URL. cursor: where to resume, or NULL for from now on. NULL: out of memory, bad URL. */
struct stream *stream_new(
	const char *url, const char *token, const char *cacert, const char *cursor, const struct stream_handler *h);
/* Before stream_run(): talks to no server but one with that key (see pin.h); empty: to any. */
void stream_pin(struct stream *s, const char *pin);
void stream_free(struct stream *s);
/* Runs until the handler ends it, until_us (monotonic; 0: never) comes, or it cannot go on. tries: how often the first connection is tried (0: no limit);
 * once there was one, it goes on for ever. When the handler ends it, what stream_send() was given before has reached the server, if that answers within
 * a second. */
enum stream_end stream_run(struct stream *s, uint64_t until_us, unsigned tries);
const char *stream_why(const struct stream *s);      /* after REFUSED or FAILED, a sentence */
int stream_close_code(const struct stream *s);       /* 4401 and the like; an HTTP status below 1000; 0: none */
const char *stream_cursor(const struct stream *s);   /* of the last event that was handled */
uint64_t stream_next_try_us(const struct stream *s); /* while waiting: when it connects again (monotonic) */
/* Queues one frame, sent when connected: an op as JSON text. 0 or -1. */
int stream_send(struct stream *s, const char *json);
#endif
