/* The dispatcher: what net/ hands over goes to the call, socket or job that it belongs to. Checks route, method, token, type and size, never a handler. */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "server/api/watch.h"
#include "server/ops/admin_token.h"
#include <sodium.h>
#include <stdlib.h>
#include <strings.h>

static struct str name_of(void *ctx, uint32_t user)
{
	return accounts_name(ctx, user);
}

void api_limits(struct buf *b, const struct api_config *c)
{
	buf_addf(b,
		"{\"request_bytes\":%zu,\"body_bytes\":%zu,\"batch_messages\":%u,\"page_messages\":%u,\"page_default\":"
		"%d,",
		c->request_max, c->body_max, c->batch_max, c->page_max, PAGE_DEFAULT);
	buf_addf(b, "\"name_characters\":%u,\"unanswered_sends\":%d,\"wait_seconds\":%d,\"watch_users\":%d}",
		c->name_chars_max, UNANSWERED_MAX, WAIT_MAX, WATCH_MAX);
}

static struct api_thread *thread_new(struct api *a, struct net_thread *net)
{
	struct api_thread *t = calloc(1, sizeof *t);

	if (!t) {
		log_event(LOG_ERROR, "out-of-memory", "at=start");
		abort();
	}
	t->api = a;
	t->net = net;
	t->writer = (struct writer){a->token_key, name_of, a->accounts};
	TAILQ_INIT(&t->sockets);
	TAILQ_INIT(&t->paging);
	TAILQ_INIT(&t->parked);
	buf_init(&t->limits, 512);
	api_limits(&t->limits, &a->config);
	for (unsigned i = 0; i < sizeof t->made_prefix - 1; i++)
		t->made_prefix[i] = token_alphabet[randombytes_uniform(i ? 64 : 52)]; /* begins with a letter */
	net_thread_set_data(net, t);
	t->next = atomic_load(&a->threads);
	while (!atomic_compare_exchange_weak(&a->threads, &t->next, t))
		;
	return t;
}

struct api_thread *api_thread_of(struct api *a, struct net_thread *net)
{
	struct api_thread *t = net_thread_data(net);

	return t ? t : thread_new(a, net);
}

struct op_batch *thread_batch(struct api_thread *t)
{
	if (!t->batch)
		t->batch = op_batch_new();
	return t->batch;
}

/* Empty: there is none. */
static struct str bearer(const struct http_head *h)
{
	static const char scheme[] = "bearer ";
	struct str v = h->authorization;
	size_t n = sizeof scheme - 1;

	if (v.n <= n || strncasecmp(v.p, scheme, n) != 0)
		return (struct str){"", 0};
	struct str token = {v.p + n, v.n - n};
	while (token.n && *token.p == ' ')
		token.p++, token.n--;
	return token;
}

/* The routes that are there for the connection: bits of enum api_on. */
static unsigned on_side(const struct api *a, const struct conn *c)
{
	if (conn_side(c) == SIDE_PUBLIC)
		return a->config.metrics_apart ? ON_PUBLIC : ON_PUBLIC | ON_PUBLIC_METRICS;
	return conn_side(c) == SIDE_ADMIN ? ON_ADMIN : ON_METRICS;
}

/* OK: the token is good for this side, and *out is whose it is. */
static enum err admit(struct api_thread *t, unsigned on, const struct http_head *h, struct session *out)
{
	*out = (struct session){0};
	if (on == ON_ADMIN)
		return admin_token_is(t->api->admin_token, bearer(h)) ? ERR_OK : ERR_UNAUTHENTICATED;
	if (accounts_session(t->api->accounts, bearer(h), clock_wall_ms(), out))
		return ERR_UNAUTHENTICATED;
	return accounts_locked(t->api->accounts, out->user) ? ERR_LOCKED : ERR_OK;
}

static bool is_json(struct str type)
{
	static const char want[] = "application/json";
	size_t n = sizeof want - 1;

	if (type.n < n || strncasecmp(type.p, want, n) != 0)
		return false;
	return type.n == n || type.p[n] == ';' || type.p[n] == ' ' || type.p[n] == '\t';
}

static bool origin_allowed(const struct api_config *c, struct str origin)
{
	if (origin.n == 0)
		return true;
	for (const char *const *o = c->origins; o && *o; o++)
		if (str_is(origin, *o))
			return true;
	return false;
}

static void refuse(struct http_verdict *v, enum err e, const char *detail)
{
	v->err = e;
	v->detail = detail;
}

static void judge_socket(struct api_thread *t, const struct http_head *h, struct http_verdict *v)
{
	enum err e = admit(t, ON_PUBLIC, h, &t->head_session);

	v->websocket = true;
	if (e != ERR_OK)
		refuse(v, e, NULL);
	else if (!origin_allowed(&t->api->config, h->origin))
		refuse(v, ERR_BAD_ORIGIN, NULL);
	else if (h->method != HTTP_GET) {
		refuse(v, ERR_METHOD_NOT_ALLOWED, NULL);
		v->allow = "GET";
	} else if (atomic_load(&t->api->draining))
		refuse(v, ERR_DRAINING, NULL);
}

static void judge_route(struct api_thread *t, unsigned on, const struct http_head *h, struct http_verdict *v)
{
	char param[PARAM_MAX + 1];
	const struct api_route *r = route_find(on, h->method, h->path, param, &v->allow);
	bool open = on == ON_METRICS || (on != ON_ADMIN && (r ? r->need == API_PUBLIC : route_public(on, h->path)));

	t->head_route = r;
	t->head_session = (struct session){0};
	enum err e = open ? ERR_OK : admit(t, on, h, &t->head_session);
	if (e != ERR_OK)
		refuse(v, e, NULL);
	else if (!r)
		refuse(v, v->allow ? ERR_METHOD_NOT_ALLOWED : ERR_NOT_FOUND, NULL);
	else if (h->query.n > QUERY_MAX)
		refuse(v, ERR_URI_TOO_LONG, "The query is too long");
	else if (h->content_length > 0 && r->body != BODY_NONE && !is_json(h->content_type))
		refuse(v, ERR_UNSUPPORTED_TYPE, NULL);
	if (!r)
		return;
	v->body = r->body;
	v->body_max = r->body_max ? r->body_max : t->api->config.request_max;
}

static void on_head(void *ctx, struct conn *c, const struct http_head *h, struct http_verdict *v)
{
	struct api_thread *t = api_thread_of(ctx, conn_thread(c));

	t->head_conn = conn_id(c);
	if (conn_side(c) == SIDE_PUBLIC && str_is(h->path, "/ws"))
		judge_socket(t, h, v);
	else
		judge_route(t, on_side(t->api, c), h, v);
	if (v->err != ERR_OK && t->api->metrics)
		metric_answer(t->api->metrics, err_status(v->err), v->err);
}

static void on_request(void *ctx, struct conn *c, const struct http_head *h, struct str body)
{
	struct api_thread *t = api_thread_of(ctx, conn_thread(c));
	struct http_verdict v = {.err = ERR_OK};
	char param[PARAM_MAX + 1] = "";
	const char *allow;

	/* The body came later, and other heads in between. */
	if (t->head_conn != conn_id(c))
		on_head(ctx, c, h, &v);
	t->head_conn = 0;
	if (v.err != ERR_OK || !route_find(on_side(ctx, c), h->method, h->path, param, &allow)) {
		conn_reply_err(c, v.err != ERR_OK ? v.err : ERR_NOT_FOUND, v.detail);
		return;
	}
	call_begin(t, c, t->head_route, &t->head_session, h, param, body);
}

static void on_ws_open(void *ctx, struct conn *c)
{
	socket_open(api_thread_of(ctx, conn_thread(c)), c);
}

static void on_ws_text(void *ctx, struct conn *c, struct str text)
{
	struct socket *k = conn_data(c);

	(void)ctx;
	if (k)
		socket_text(k, text);
}

static bool on_ws_fill(void *ctx, struct conn *c, struct buf *out)
{
	struct socket *k = conn_data(c);

	(void)ctx;
	return k && socket_fill(k, out);
}

static void on_closed(void *ctx, struct conn *c)
{
	struct api_thread *t = api_thread_of(ctx, conn_thread(c));
	void *data = conn_data(c);

	if (t->head_conn == conn_id(c))
		t->head_conn = 0;
	conn_set_data(c, NULL);
	if (data && ((struct api_posted *)data)->kind == API_SOCKET)
		socket_closed(data);
	else if (data)
		call_closed(data);
}

static void deliver_call(struct api_call *call, const struct commit *c, const struct delivery_item *item)
{
	if (item->outcome != RECORD_NONE && call->outcome)
		call->outcome(call, &c->outcomes[item->outcome]);
	else if (item->what == DELIVER_EVENT && call->event)
		call->event(call, &c->records[item->record]);
}

static void on_delivery(struct api_thread *t, struct net_msg *m)
{
	struct delivery *d = (struct delivery *)m;

	for (uint32_t i = 0; i < d->n; i++) {
		struct conn *c = net_conn(t->net, d->items[i].to);
		void *data = c ? conn_data(c) : NULL;
		if (!data)
			continue;
		/* By what it is, not by what the connection does: one that has closed its socket is no WebSocket any more. */
		if (((struct api_posted *)data)->kind == API_SOCKET)
			socket_deliver(data, d->commit, &d->items[i]);
		else
			deliver_call(data, d->commit, &d->items[i]);
	}
	if (t->api->metrics)
		metric_time(t->api->metrics, METRIC_PUSH_TIME, clock_mono_us() - d->commit->durable_us);
	delivery_free(d);
}

static void (*const posts[API_POSTS])(struct api_thread *t, struct net_msg *m) = {
	[API_POST_DELIVERY] = on_delivery,
	[API_POST_CALL] = call_returned,
	[API_POST_PAGE] = socket_page,
	[API_POST_LOOKUPS] = lookups_returned,
	[API_POST_PRESENCE] = presence_posted,
	[API_POST_TYPING] = typing_posted,
};

static void on_message(void *ctx, struct net_thread *net, struct net_msg *m)
{
	posts[((struct api_posted *)m)->kind](api_thread_of(ctx, net), m);
}

static void on_turn_end(void *ctx, struct net_thread *net)
{
	struct api_thread *t = api_thread_of(ctx, net);

	lookups_turn_end(t);
	sockets_turn_end(t);
	presence_turn_end(t);
	if (t->pushed)
		thread_count(t->api, METRIC_EVENTS_PUSHED, t->pushed);
	t->pushed = 0;
	if (!t->batch)
		return;
	if (t->batch->n)
		queue_enqueue(t->api->queue, t->batch);
	else
		op_batch_free(t->batch);
	t->batch = NULL;
}

static void on_tick(void *ctx, struct net_thread *net)
{
	struct api_thread *t = api_thread_of(ctx, net);

	calls_tick(t);
	sockets_tick(t);
}

const struct net_handler api_handler = {
	.head = on_head,
	.request = on_request,
	.ws_open = on_ws_open,
	.ws_text = on_ws_text,
	.ws_fill = on_ws_fill,
	.closed = on_closed,
	.message = on_message,
	.turn_end = on_turn_end,
	.tick = on_tick,
};

void api_drain(struct api *a)
{
	atomic_store(&a->draining, true);
}

void api_release(struct api *a)
{
	struct api_thread *t = atomic_exchange(&a->threads, NULL), *next;

	for (; t; t = next) {
		next = t->next;
		if (t->batch)
			op_batch_free(t->batch);
		buf_release(&t->limits);
		watch_release(t);
		free(t);
	}
}
