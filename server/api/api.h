/* The API: what chatd says over HTTP and WebSocket. JSON in, JSON out; nothing is decided here (rules/ decides) and nothing blocks here.
 *
 * A REST call is a struct api_call from the dispatcher (handler.c), which has checked the route, method, token, content type and size. Its handler
 * ends it by exactly one of api_reply(), api_fail(), api_fail_field(), api_work(), api_park(); the call is not the handler's any more after that.
 *
 * Handlers run on the connection's network thread and never block: what hashes, writes SQLite or reads the store goes to a pool by api_work(). */
#ifndef CHAT_API_H
#define CHAT_API_H
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/wire/json.h"
#include "server/accounts/accounts.h"
#include "server/journal/token.h"
#include "server/net/net.h"
#include "server/pool/pool.h"
#include "server/presence/presence.h"
#include "server/queue/queue.h"
#include "server/store/store.h"
#include <stdatomic.h>
#include <sys/queue.h>

struct metrics;
struct admin_token;
struct api_thread;

/* Sides of listeners (net.h). */
enum { SIDE_PUBLIC, SIDE_ADMIN, SIDE_METRICS };

struct api_config {
	size_t request_max; /* bytes of a request or a frame */
	size_t body_max; /* bytes of one message body; escaped six-fold it must fit one frame, so at most 24 KiB (config.c) */
	unsigned batch_max;               /* messages in one request or frame */
	unsigned page_max;                /* messages in one page */
	unsigned name_chars_max;          /* characters of a display name */
	unsigned ping_ms;                 /* announced in welcome: how long a client may be silent */
	unsigned reconnect_ms;            /* announced in bye */
	atomic_bool presence_contacts;    /* only her contacts see whether a user is online */
	const char *_Atomic registration; /* "open", "invite", "closed"; changed, like presence_contacts, by a reload */
	const char *const *origins;       /* allowed Origin values, NULL ends; NULL: none */
	bool metrics_apart;               /* GET /metrics has a listener of its own and is not public */
};

/* What operators may do to the server as a whole; server.c's. Pool threads; each may block. */
struct api_control {
	void (*info)(void *ctx, struct buf *out);   /* members of GET /admin/info, without braces */
	void (*config)(void *ctx, struct buf *out); /* the object of GET /admin/config */
	enum err (*reload)(
		void *ctx, struct buf *out); /* the object of POST /admin/reload; of an error: its detail as text */
	enum err (*backup)(void *ctx, const char *to, struct buf *out); /* likewise, of POST /admin/backup */
	void (*drain)(void *ctx);                                       /* as SIGTERM; comes back at once; any thread */
	void *ctx;
};

/* One a process. Owner: server.c, which fills it in before net_start(); constant from then on but for the atomics (in config, too). */
struct api {
	struct net *net;
	struct queue *queue;
	struct store *store;
	struct accounts *accounts;
	struct presence *presence;
	struct pool *readers; /* store reads that may be cold */
	struct pool *hashers; /* password hashing and account writes */
	struct metrics *metrics;
	const struct token_key *token_key;
	const struct admin_token *admin_token;
	struct api_control control;
	uint64_t started_us; /* monotonic */
	struct api_config config;
	atomic_bool draining;                 /* set by api_drain() */
	atomic_uint watching;                 /* sockets that watch somebody: none, and no change of presence is told */
	atomic_uint open;                     /* sockets and requests under way: a drain is over when it is 0 */
	_Atomic(struct api_thread *) threads; /* handler.c's, one for each network thread */
	atomic_bool ready;                    /* said by readyz beside queue_ready(); set by server.c once it serves */
};

/* Give these to net_new() with the api as ctx. */
extern const struct net_handler api_handler;

/* Any thread, after net_stop_accepting(): waiting requests end with 503, sockets are told `bye` and are closed with 1012 once what they sent
 * before is answered. New sends are refused. May be called once. */
void api_drain(struct api *a);
/* After net_free(): frees what the network threads had. */
void api_release(struct api *a);

struct api_call;

enum api_need { API_PUBLIC, API_USER };

/* Where a route is there: bits. */
enum api_on {
	ON_PUBLIC = 1,
	ON_ADMIN = 2, /* the admin token is needed for every route, whatever it says */
	ON_METRICS = 4,
	ON_PUBLIC_METRICS = 8, /* on the public side unless config.metrics_apart */
};

/* One line of the route table (routes.c). A path segment "{}" takes any one segment: call->param. */
struct api_route {
	enum http_method method;
	const char *path;
	unsigned on;
	enum api_need need;
	enum body_policy body;
	size_t body_max; /* bytes; 0: config.request_max */
	void (*handler)(struct api_call *c);
};

enum { PARAM_MAX = 128, QUERY_MAX = 1024 /* bytes */ };

struct api_call {
	struct net_msg msg; /* when it comes back from a pool */
	int kind;           /* handler.c: second word of everything that is posted */
	struct job job;
	struct api *api;
	const struct api_route *route;
	conn_ref conn;
	struct session session;    /* API_USER only; user 0: an operator */
	char peer[46];             /* the peer's address */
	char param[PARAM_MAX + 1]; /* what "{}" stood for, NUL-terminated; longer ones are 404 */
	char query[QUERY_MAX + 1]; /* raw, NUL-terminated */
	struct str body;           /* valid in the handler; after api_object() or api_keep_body() as long as the call */

	/* The answer under construction: the handler's or work()'s. */
	int status;               /* 200 unless set */
	enum err err;             /* not OK: a problem object instead of out */
	const char *detail;       /* static text for people, or NULL */
	const char *field;        /* static: the member or parameter that was refused, or NULL */
	uint64_t limit;           /* 0: not said */
	const char *content_type; /* NULL: application/json */
	unsigned retry_ms;        /* 0: 1,000 where the status wants one */
	struct buf out;           /* the JSON */
	struct buf headers;       /* more header lines, each with CRLF */

	/* The handler's own, which release() ends. */
	void *data;
	void (*release)(struct api_call
			*c); /* called once, network thread, when the call ends, also when the connection went first */

	/* Any may be NULL. Network thread; also called while work() runs, so they touch only what work() does not. */
	void (*outcome)(struct api_call *c, const struct outcome *o); /* of an op whose origin is call->conn */
	void (*event)(struct api_call *c,
		const struct record *r);  /* of the user's stream, when the connection is in presence */
	void (*tick)(struct api_call *c); /* about every 100 ms, while parked */

	/* The dispatcher's. */
	enum { CALL_HANDLER, CALL_WORK, CALL_PARKED } state;
	char *kept;    /* copy of the body, wiped when the call ends */
	char *decoded; /* texts that had escapes; body.n bytes */
	size_t decoded_len;
	struct net_thread *thread;
	TAILQ_ENTRY(api_call) link; /* valid while parked */
	void (*work)(struct api_call *c);
	void (*done)(struct api_call *c);
	void (*each)(struct api_call *c, struct api_thread *t); /* of api_round(), while it goes round */
	unsigned hop;
};

/* Ends the call with status and what stands in call->out (status 204: nothing). Network thread. */
void api_reply(struct api_call *c, int status);
/* Ends it with a problem object; detail static or NULL. Network thread. */
void api_fail(struct api_call *c, enum err e, const char *detail);
void api_fail_field(struct api_call *c, enum err e, const char *field, const char *detail);

/* Runs work(c) on a thread of the pool, then done(c) on the network thread, which ends the call or goes on. done NULL: the call is ended with what
 * work() put into status, err, detail, field, limit, retry_ms, out, headers. A full pool ends the call with 503. When the connection goes
 * meanwhile work() still runs, done() does not. work() must not call api_reply() and its like. */
void api_work(struct api_call *c, struct pool *p, void (*work)(struct api_call *c), void (*done)(struct api_call *c));
int api_keep_body(struct api_call *c); /* copies the body into the call. 0; -1: out of memory, the call has not ended */

/* Runs each(c, t) on every network thread, one after the other, then done(c) on the call's own, which ends it. What they write needs no lock. When the
 * connection goes meanwhile the round goes on, but done() does not run. */
void api_round(
	struct api_call *c, void (*each)(struct api_call *c, struct api_thread *t), void (*done)(struct api_call *c));

/* The call waits for outcome(), event() or tick(), one of which ends it. A connection that goes ends it (release() only). */
void api_park(struct api_call *c);

/* Keeps the body and reads it as an object: names[i] -> values[i]. An empty body counts as {} where it is optional. 0; -1: refused, the call has ended. */
int api_object(struct api_call *c, const char *const names[], struct json_value values[], size_t n);
/* The decoded text of the string member; lives as long as the call. Absent: p NULL, refused unless optional. 0; -1: refused, the call has ended. */
int api_text(struct api_call *c, const char *name, const struct json_value *v, bool optional, struct str *out);

/* A name that people see has at most config.name_chars_max characters. 0; -1: refused, the call has ended. */
int api_name_fits(struct api_call *c, const char *field, struct str name);
/* Counts the call against its address before anything is hashed. 0; -1: refused, the call has ended. */
int api_admit(struct api_call *c);
void api_free_data(struct api_call *c); /* for release: data is one piece of the heap, or NULL */

/* Writes the JSON object of the limits, as GET / and welcome announce them. */
void api_limits(struct buf *b, const struct api_config *c);
/* Adds a header line; value must be free of CR and LF. */
void api_header(struct api_call *c, const char *name, const char *value);

/* Handlers outside messages.c: users.c, sessions.c, ops.c. */
void api_users_post(struct api_call *c);
void api_users_get(struct api_call *c);
void api_password_put(struct api_call *c);
void api_sessions_post(struct api_call *c);
void api_sessions_get(struct api_call *c);
void api_sessions_delete(struct api_call *c);
void api_root_get(struct api_call *c);
void api_healthz_get(struct api_call *c);
void api_readyz_get(struct api_call *c);
void api_metrics_get(struct api_call *c);
void api_openapi_get(struct api_call *c);
/* admin.c */
void admin_info_get(struct api_call *c);
void admin_config_get(struct api_call *c);
void admin_stats_get(struct api_call *c);
void admin_drain_post(struct api_call *c);
void admin_reload_post(struct api_call *c);
void admin_backup_post(struct api_call *c);
/* admin_bench.c */
void admin_bench_post(struct api_call *c);
void admin_bench_delete(struct api_call *c);
/* admin_users.c */
void admin_users_get(struct api_call *c);
void admin_users_post(struct api_call *c);
void admin_user_delete(struct api_call *c);
void admin_password_put(struct api_call *c);
void admin_lock_put(struct api_call *c);
void admin_limits_put(struct api_call *c);
void admin_invites_get(struct api_call *c);
void admin_invites_post(struct api_call *c);
void admin_invite_delete(struct api_call *c);
/* admin_conns.c */
void admin_conns_get(struct api_call *c);
void admin_conn_delete(struct api_call *c);
void admin_user_conns_delete(struct api_call *c);
/* messages.c */
void api_messages_post(struct api_call *c);
void api_messages_get(struct api_call *c);
void api_message_get(struct api_call *c);
void api_message_mark(struct api_call *c);
/* keys.c */
void api_keys_put(struct api_call *c);
void api_keys_get(struct api_call *c);
void api_keys_user_get(struct api_call *c);
/* contacts.c */
void api_contacts_get(struct api_call *c);
void api_contact_put(struct api_call *c);
void api_contact_delete(struct api_call *c);
void api_blocks_get(struct api_call *c);
void api_block_put(struct api_call *c);
void api_block_delete(struct api_call *c);
/* conversations.c */
void api_conversations_get(struct api_call *c);
void api_history_get(struct api_call *c);
void api_conversation_read(struct api_call *c);
#endif
