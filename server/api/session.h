/* One WebSocket's place in its user's stream, and what waits to be written to it. Pure: no socket, no store, no clock; socket.c is the rim.
 *
 * Invariant: `at` is the last stream event written here, and an event is written only when its prev is `at`. So a gap cannot happen, whatever races:
 * an event that does not fit is dropped, and the session catches up from the store by pages that begin at `at`.
 *
 *   NEW --hello, cursor--> ASKING --page, known--> CATCHING --last page--> LIVE --gap--> CATCHING
 *    |                        '----unknown cursor------------------------> LIVE
 *    '--hello, no cursor-------------------------------------------------> LIVE
 *   CATCHING, LIVE --too much waits--> LAGGING --all written--> CATCHING
 *
 * While catching up the highest position that was dropped is kept: the last page must reach it, else another one is asked for (a page may be read
 * before the commit that was dropped, and arrive after it). Owner: the connection's network thread. */
#ifndef CHAT_API_SESSION_H
#define CHAT_API_SESSION_H
#include "server/api/write.h"
#include "server/store/store.h"

enum {
	SESSION_EVENTS_MAX = 64 * 1024,    /* bytes that wait; past it events are left to the store: the usual `room` */
	SESSION_EVENTS_WIDE = 192 * 1024,  /* while there is memory: a burst need not go by way of the store */
	SESSION_EVENTS_TIGHT = 8 * 1024,   /* when there is little left */
	SESSION_ANSWERS_HIGH = 256 * 1024, /* past it nothing more is read */
	SESSION_OUT_MAX = 1 << 20,         /* bytes; the answers to what was read before fit */
	SESSION_FRAME = 64 * 1024,         /* past it the next element begins a new frame */
	SESSION_CUTS = SESSION_OUT_MAX / SESSION_FRAME,
	SESSION_PAGE_MAX = 256, /* events */
};

enum session_state { SESSION_NEW, SESSION_ASKING, SESSION_CATCHING, SESSION_LAGGING, SESSION_LIVE };

struct ws_session {
	const struct writer *w;
	uint32_t user;
	uint8_t state;  /* enum session_state */
	bool live_due;  /* `live` ends this catch-up */
	bool want_page; /* the rim is to read a page from `at` and give it to session_page() */
	bool broken;    /* the rim is to close: 1012, the client resumes */
	uint8_t n_cuts;
	uint16_t page_limit;                  /* events of the next page */
	uint16_t hint;                        /* bytes / 16 that the last frames took: the buffer's first size */
	uint32_t behind;                      /* events told to it and left to the store since it was live last */
	uint32_t pushed, replayed, catch_ups; /* counted here, collected and set back by the rim */
	uint32_t hello;                       /* counts them: a page that was asked for before the last one is void */
	uint32_t unanswered;                  /* sends */
	uint32_t room; /* bytes that may wait before events are left to the store; the rim sets it */
	struct place at;
	uint64_t dropped;           /* highest position of an event that was dropped since catching up began */
	char cursor[CURSOR_TEXT];   /* text of `at` */
	uint32_t cut[SESSION_CUTS]; /* where in out further frames begin */
	struct buf out;             /* "[a,b" "[c": frames without their closing bracket; empty: no memory held */
};

/* What welcome says beside the stream. */
struct welcome {
	struct str user, device;
	unsigned ping_ms;
	struct str limits; /* a JSON object */
};

void session_init(struct ws_session *s, const struct writer *w, uint32_t user);
void session_release(struct ws_session *s);

/* Begins (again) with a cursor: welcome follows with the first page. */
void session_ask(struct ws_session *s, struct place after);
/* Begins at the head: without a cursor, or with one that is not this user's. */
void session_start(struct ws_session *s, struct place head, const struct welcome *hi);
/* The page that want_page asked for, read with hello as of then. head: the stream's head, for an unknown cursor. */
void session_page(struct ws_session *s, uint32_t hello, enum stream_answer answer, const struct page *page,
	struct place head, const struct welcome *hi);

/* An event of the user's stream, as the distributor tells it. */
void session_event(struct ws_session *s, const struct record *r);
/* The answer to a send of this socket. r: the record when it is new and this socket's own event, else NULL. */
void session_sent(struct ws_session *s, const struct outcome *o, const struct record *r);

/* An element of the outgoing array: write it to what session_begin() answers, then call session_end(). */
struct buf *session_begin(struct ws_session *s);
void session_end(struct ws_session *s);

/* Moves the next frame to out, which must have room for it. True: call again, there is more to do. */
bool session_take(struct ws_session *s, struct buf *out);
#endif
