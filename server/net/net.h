/* The network side of chatd, and the only place that knows libwebsockets. N threads, each with a lws context on its own
 * libev loop and its own listening socket (SO_REUSEPORT). lws carries sockets, event loop and (later) TLS as its "raw-skt" role;
 * HTTP/1.1 and RFC 6455 framing above it are net/http_parse.[ch] and net/ws_frame.[ch], strict and pure, because lws's own HTTP and WebSocket
 * parsers accept what the contract must refuse (doc/protocol.md lists it).
 *
 * Knows no rules, no JSON, no user. Everything in struct net_handler is called on the connection's own thread; a
 * callback never blocks. A connection may vanish at any time between callbacks: other threads hold a conn_ref, never a pointer.
 */
#ifndef CHAT_NET_H
#define CHAT_NET_H
#include "common/base/buf.h"
#include "common/base/err.h"
#include <stdbool.h>

struct net;
struct net_thread;
struct conn;

/* thread << 56 | slot << 32 | generation; never 0. A stale one is recognised and ignored. */
typedef uint64_t conn_ref;
static inline unsigned conn_ref_thread(conn_ref r)
{
	return (unsigned)(r >> 56);
}

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OTHER };

/* What the gate found in a request's head. Slices are valid during the callback only. */
struct http_head {
	enum http_method method;
	struct str path;  /* canonical: begins with '/', no '%', no "//", no "/." segments, at most 1,024 bytes */
	struct str query; /* raw, without '?'; empty when none */
	struct str authorization; /* header value, or empty */
	struct str content_type;
	struct str origin;
	bool has_length;
	uint64_t content_length;
	bool upgrade; /* a well-formed WebSocket upgrade (RFC 6455 section 4.2.1, version 13) */
	bool keep_alive;
};

enum body_policy { BODY_NONE, BODY_OPTIONAL, BODY_REQUIRED };

/* The handler's word on a head, before a byte of the body is taken. */
struct http_verdict {
	enum err
		err; /* OK, or why it is refused at once (the connection closes after the refusal when a body was announced) */
	const char *allow;  /* with ERR_METHOD_NOT_ALLOWED: "GET, POST" */
	const char *detail; /* static text */
	enum body_policy body;
	size_t body_max; /* bytes; longer is 413 */
	bool websocket;  /* this is the WebSocket route: an upgrade is what it takes */
};

struct net_msg { /* head of what other threads post to a network thread; embedded first */
	struct net_msg *next;
};

struct net_handler {
	/* A whole head is here. Fill *v. */
	void (*head)(void *ctx, struct conn *c, const struct http_head *h, struct http_verdict *v);
	/* The whole request is here. Answer now or later by conn_reply(); until then nothing more is read from c. */
	void (*request)(void *ctx, struct conn *c, const struct http_head *h, struct str body);
	/* The upgrade was accepted by head(); the 101 is queued. */
	void (*ws_open)(void *ctx, struct conn *c);
	/* One complete text message, valid UTF-8 not yet checked beyond RFC 6455. Return nothing; to end it call conn_ws_close(). */
	void (*ws_text)(void *ctx, struct conn *c, struct str text);
	/* The socket takes more: append the payload of ONE text message to out (empty: nothing to say). Returns true when there is more.
	 * out is empty and takes at most 192 KiB; left failed, the connection is closed with 1011. True with nothing appended counts as false. */
	bool (*ws_fill)(void *ctx, struct conn *c, struct buf *out);
	/* The connection is gone (also an HTTP one that was waiting for its reply). Last callback for c. */
	void (*closed)(void *ctx, struct conn *c);
	/* What net_post() brought, in order. The handler owns m. */
	void (*message)(void *ctx, struct net_thread *t, struct net_msg *m);
	/* Once a loop turn, before the thread may sleep: hand over batches here. */
	void (*turn_end)(void *ctx, struct net_thread *t);
	/* About every 100 ms. */
	void (*tick)(void *ctx, struct net_thread *t);
};

enum { NET_EXTRA_MAX = 3 };
/* A further listener, served by the first thread; what comes by it is told apart by `side`. */
struct net_extra {
	const char *address; /* "127.0.0.1:0"; with a slash in it: the path of a Unix socket, made with mode 0600 */
	unsigned side;       /* not 0: that is the public one */
};

struct net_config {
	const char *listen;                    /* "127.0.0.1:0", "[::1]:8080" */
	unsigned threads;                      /* 1 to 64 */
	size_t ws_message_max;                 /* bytes of one message, all fragments; the contract's request limit */
	unsigned max_connections;              /* a thread; past it new ones are closed at once */
	unsigned header_ms, body_ms, frame_ms; /* absolute deadlines: 10 s, 30 s, 30 s */
	unsigned ping_ms, pong_ms, stall_ms;   /* 25 s, 60 s, 60 s (a reader that takes nothing: 4008) */
	unsigned keep_alive_ms;                /* idle HTTP connection */
	struct net_extra extra[NET_EXTRA_MAX];
	unsigned extras;
};

/* Binds (once without SO_REUSEPORT first, so that a second server on the port is refused), makes the contexts. 0, or -1
 * with a sentence in why. */
int net_new(struct net **out, const struct net_config *conf, const struct net_handler *h, void *ctx, char why[256]);
int net_start(struct net *n, char why[256]); /* starts the threads; from here on connections are served */
unsigned net_port(const struct net *n);
const char *net_base_url(const struct net *n);              /* "http://127.0.0.1:43211" */
const char *net_extra_url(const struct net *n, unsigned i); /* "http://…" or "unix:PATH" */
unsigned net_connections(const struct net *n);              /* open now, on all threads; any thread */
unsigned net_threads(const struct net *n);
void net_stop_accepting(struct net *n); /* closes the public listeners; any thread */
void net_stop(struct net *n);           /* ends the loops and joins; open connections are closed */
void net_free(
	struct net *n); /* what was posted after the loops ended still comes to handler->message, on this thread */

/* Any thread: m is delivered to handler->message on that thread, with at most one wake-up for many posts. */
void net_post(struct net *n, unsigned thread, struct net_msg *m);

/* On the connection's own thread only, from here on. */
unsigned net_thread_index(const struct net_thread *t);
void *net_thread_data(struct net_thread *t); /* the handler's own, NULL at first */
void net_thread_set_data(struct net_thread *t, void *data);
struct conn *net_conn(struct net_thread *t, conn_ref ref); /* NULL when it is gone */
/* Calls fn for every connection of the thread (drain, dump). fn may close it. */
void net_each(struct net_thread *t, void (*fn)(void *ctx, struct conn *c), void *ctx);

conn_ref conn_id(const struct conn *c);
struct net_thread *conn_thread(struct conn *c);
bool conn_is_ws(const struct conn *c);
const char *conn_peer(const struct conn *c); /* the peer's address as text; "unix" */
unsigned conn_side(const struct conn *c);    /* of the listener that it came by: 0 is the public one */
uint64_t conn_age_ms(const struct conn *c);
uint64_t conn_idle_ms(const struct conn *c); /* since bytes came from it last */
void conn_drop(struct conn *c);              /* closes it at the end of the turn, without a word */
void *conn_data(const struct conn *c);       /* the handler's own */
void conn_set_data(struct conn *c, void *data);

/* Answers the request that c waits with. headers: more lines, each ending in CRLF, or empty. body may be empty. status 204 has none.
 * Content-Length, Date, Connection are net's. close: end the connection after it. */
struct http_answer {
	int status;
	const char *content_type; /* NULL when there is no body */
	struct str headers;
	struct str body;
	bool close;
};
void conn_reply(struct conn *c, const struct http_answer *a);
/* A problem object (RFC 9457) with the fitting headers; detail: static text without quotes or backslashes, or NULL. Usable by net itself. */
void conn_reply_err(struct conn *c, enum err e, const char *detail);

void conn_ws_want_write(struct conn
		*c); /* ws_fill will be called when the socket takes more, at the end of this turn at the earliest */
/* Stops or goes on reading (flow control while 1,024 sends are unanswered). What was read already is kept. */
void conn_ws_pause(struct conn *c, bool paused);
/* Close frame with code and a short reason (or NULL; copied), after what ws_fill has left, but within a second; then the
 * socket. No ws_text follows. */
void conn_ws_close(struct conn *c, unsigned code, const char *reason);
#endif
