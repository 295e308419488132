/* Inside net/ only: what its files share. A connection is a state machine over bytes; each state has one step
 * (conn.c's table) that takes bytes off the front of what was read. All of it belongs to the connection's thread.
 *
 * Output is collected during a loop turn and written once at its end (turn in loop.c). What lws could not give to
 * the socket it keeps itself; the connection is then `choked`: it is neither written nor read until that is gone. */
#ifndef CHAT_NET_CONN_H
#define CHAT_NET_CONN_H
#include "server/net/http_parse.h"
#include "server/net/net.h"
#include "server/net/ws_frame.h"
#include <ev.h>
#include <libwebsockets.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

enum {
	READ_MAX = 64 * 1024,     /* bytes of one read, the size of lws's buffer */
	FILL_MAX = 192 * 1024,    /* bytes of one WebSocket message to a peer; with SEND_BUFFER 256 KiB in flight */
	SEND_BUFFER = 64 * 1024,  /* SO_SNDBUF of a WebSocket */
	FILL_HEADROOM = 1024,     /* before the message: answers, control frames, its frame head */
	FILL_TAILROOM = 256,      /* behind it: the close frame */
	ANSWER_MAX = 64 << 20,    /* bytes of answers waiting on one connection */
	PIPELINE_MAX = 64 * 1024, /* unsent answers past which no further request is taken */
	LINGER_MAX = 64 * 1024,   /* bytes read and dropped so that the peer sees the refusal */
	LINGER_MS = 1000,
	CLOSE_MS = 5000,     /* for the peer's close frame */
	LAST_FILL_MS = 1000, /* after conn_ws_close(), for what the handler still has to say */
	STALLED_MS = 10000,  /* for a stopped reader to find the close frame */
	TICK_MS = 100,
	SWEEP_PARTS = 8, /* each tick looks at every eighth connection */
	ACCEPT_BATCH = 64,
	ACCEPT_LOG_MS = 10000, /* being out of descriptors is said that often */
	WATCHDOG_MS = 5000,
	LISTENERS = 1 + NET_EXTRA_MAX,
	EXTRA_CONNECTIONS = 64, /* of the extra listeners, beyond the limit for all */
	NET_URL_MAX = 128,
};

enum conn_state {
	CONN_HEAD,       /* a request's head, or nothing yet */
	CONN_BODY,       /* the rest of its body */
	CONN_WAIT,       /* for the handler's answer */
	CONN_LINGER,     /* answered for the last time; reading what still comes */
	CONN_WS,         /* open */
	CONN_WS_CLOSING, /* our close frame is out, the peer's is not in */
	CONN_DEAD,       /* on the list of those to be closed */
	CONN_STATES
};

struct conn {
	struct net_thread *t;
	struct lws *wsi;
	void *data;
	conn_ref ref;
	TAILQ_ENTRY(conn) write_link;  /* valid while in_write */
	TAILQ_ENTRY(conn) resume_link; /* valid while in_resume */
	STAILQ_ENTRY(conn) dead_link;
	enum conn_state state;
	bool in_write, in_resume;
	bool reading;      /* POLLIN is on */
	bool choked;       /* lws holds bytes */
	bool paused;       /* by the handler */
	bool blocked;      /* kept bytes could be taken but for what conn_may_take() or the state says */
	bool started;      /* bytes of a head or a message have come, the deadline is theirs */
	bool told;         /* the handler has seen it */
	bool close_after;  /* HTTP: linger once all is written */
	bool keep_alive;   /* HTTP: of the request under way */
	bool is_head;      /* HTTP: answer without a body */
	bool want_fill;    /* WS: ws_fill has something */
	bool ping_due;     /* WS */
	bool peer_closed;  /* WS: nothing more is expected from it */
	uint16_t code;     /* WS: to close with, 0: not closing */
	char *reason;      /* WS: heap or NULL */
	const char *allow; /* HTTP: for a 405 */
	struct http_scan scan;
	size_t need;     /* CONN_BODY: head and body; CONN_LINGER: bytes dropped */
	size_t head_len; /* CONN_BODY */
	size_t pong_at;  /* WS: where in out the one pending pong begins, 0: there is none */
	struct ws_rx rx;
	struct buf in;        /* read, not yet taken */
	struct buf out;       /* answers and control frames of this turn */
	struct buf msg;       /* WS: fragments */
	uint64_t deadline_ms; /* 0: none */
	uint64_t ping_ms, pong_ms;
	uint64_t stall_ms;            /* when the peer last took bytes while choked */
	uint64_t acked;               /* bytes it had taken by then */
	uint64_t opened_ms, input_ms; /* monotonic: accepted, last bytes read */
	unsigned side;                /* of the listener that it came by */
	char peer[46];
};

TAILQ_HEAD(conn_list, conn);

/* Of a thread: the public one, then the extra ones, which the first thread alone has. */
struct listener {
	struct net_thread *t;
	int fd; /* -1: there is none, or closed */
	unsigned side;
	char *path; /* of a Unix socket that is ours, else NULL */
	ev_io accept;
};

struct slot {
	struct conn *c;
	uint32_t generation;
	uint32_t next_free;
};

struct net_thread {
	struct net *n;
	unsigned index;
	void *data;
	struct ev_loop *loop;
	struct lws_context *lws;
	struct lws_vhost *vhost;
	struct listener listener[LISTENERS];
	ev_timer accept_again, tick;
	ev_async wake;
	ev_prepare turn;
	ev_check woken;
	ev_idle again; /* keeps the loop from sleeping while there is work */
	struct slot *slots;
	uint32_t slot_count, slot_free, sweep_part;
	_Atomic uint32_t live; /* connections */
	struct conn_list write, resume;
	STAILQ_HEAD(, conn) dead;
	char *arena; /* FILL_HEADROOM, FILL_MAX, FILL_TAILROOM: the turn's outgoing frame */
	uint64_t now_ms;
	uint64_t accept_logged_ms;
	uint64_t date_s;
	char date[32]; /* of the Date header */
	pthread_t thread;
	bool running;
	_Atomic(struct net_msg *) posted; /* newest first */
	atomic_bool stop, stop_accepting;
	atomic_uint turns; /* even: asleep; odd: at work */
};

struct net {
	struct net_config conf;
	const struct net_handler *handler;
	void *ctx;
	unsigned port;
	char url[NET_URL_MAX], extra_url[NET_EXTRA_MAX][NET_URL_MAX];
	struct net_thread *threads;
	unsigned thread_count;
	pthread_t watchdog;
	bool watching;
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool stopped; /* under lock: ends the watchdog */
};

/* listen.c */
int listen_all(struct net *n, char why[256]); /* 0 or -1; listen_end() either way */
void listen_end(struct net *n); /* removes what stands in the file system; the sockets are closed by their threads */

/* loop.c */
int thread_init(struct net_thread *t, struct net *n, unsigned index, char why[256]);
void thread_release(struct net_thread *t);
void *thread_run(void *arg);

/* conn.c */
struct conn *conn_new(struct net_thread *t, const char *peer);
void conn_gone(struct conn *c); /* the socket is closed: last callback, memory freed */
void conn_input(struct conn *c, uint8_t *p, size_t n);
void conn_resume(struct conn *c); /* takes what was kept */
void conn_flush(struct conn *c);
void conn_writable(struct conn *c); /* lws holds nothing any more */
void conn_sweep(struct conn *c);    /* deadlines, pings */
void conn_kill(struct conn *c);     /* closed at the end of the turn; no callback but closed() follows */
void conn_linger(struct conn *c);   /* all is written: no more from us, a little patience for the peer */
void conn_write_later(struct conn *c);
void conn_resume_later(struct conn *c);
void conn_write(struct conn *c, char *p, size_t n);
void conn_read_update(struct conn *c);
bool conn_may_take(struct conn *c); /* a further request or frame may be taken now */

/* http.c */
size_t http_step_head(struct conn *c, uint8_t *p, size_t n);
size_t http_step_body(struct conn *c, uint8_t *p, size_t n);
void http_flush(struct conn *c);
void http_late(struct conn *c);                                   /* the deadline passed */
void http_refuse(struct conn *c, enum err e, const char *detail); /* answers and closes */

/* ws.c */
enum err ws_handshake_check(const struct http_request *req);
bool ws_accept(struct conn *c, const struct http_request *req); /* queues the 101; false: out of memory */
size_t ws_step(struct conn *c, uint8_t *p, size_t n);
size_t ws_step_closing(struct conn *c, uint8_t *p, size_t n);
void ws_flush(struct conn *c);
void ws_sweep(struct conn *c);
void ws_stalled(struct conn *c);  /* the peer takes nothing */
void ws_deadline(struct conn *c); /* after input: a message under way has one */
#endif
