#include "common/base/clock.h"
#include "server/api/watch.h"
#include <stdlib.h>

enum {
	UNANSWERED_LOW = UNANSWERED_MAX / 2,
	EXPIRY_US = 30 * 1000000,
	LOOK_US = 1000000,
	WAITING_WIDE = 64 << 20,   /* bytes waiting in a thread's sessions up to which each may hold a burst */
	WAITING_TIGHT = 256 << 20, /* past it each holds little: stopped readers cost a cursor, not memory */
};

void socket_open(struct api_thread *t, struct conn *c)
{
	struct socket *k = calloc(1, sizeof *k);

	if (!k) {
		conn_ws_close(c, CLOSE_RESTART, "out of memory");
		return;
	}
	k->tag.kind = API_SOCKET;
	k->t = t;
	k->c = c;
	k->who = t->head_session;
	session_init(&k->s, &t->writer, k->who.user);
	TAILQ_INSERT_TAIL(&t->sockets, k, link);
	atomic_fetch_add(&t->api->open, 1);
	thread_count(t->api, METRIC_SOCKETS_OPENED, 1);
	thread_count(t->api, METRIC_SOCKETS, 1);
	conn_set_data(c, k);
}

void socket_closed(struct socket *k)
{
	(void)watch_set(k, NULL, 0);
	if (k->present) {
		presence_remove(k->t->api->presence, k->who.user, conn_id(k->c), clock_wall_ms());
		presence_changed(k->t, k->who.user);
	}
	if (k->in_paging)
		TAILQ_REMOVE(&k->t->paging, k, paging_link);
	TAILQ_REMOVE(&k->t->sockets, k, link);
	atomic_fetch_sub(&k->t->api->open, 1);
	thread_count(k->t->api, METRIC_SOCKETS, -1);
	k->t->waiting -= k->counted;
	session_release(&k->s);
	free(k);
}

void socket_close(struct socket *k, unsigned code, const char *reason)
{
	if (k->closing)
		return;
	k->closing = true;
	conn_ws_close(k->c, code, reason);
}

/* A page on its way to a pool thread and back. */
struct page_job {
	struct net_msg msg;
	int kind;
	struct job job;
	struct api *api;
	conn_ref to;
	uint32_t user, limit, hello;
	struct place after, head;
	enum stream_answer answer;
	int rc;
	struct page page;
};

static void read_page(struct job *j)
{
	struct page_job *p = (struct page_job *)((char *)j - offsetof(struct page_job, job));

	p->rc = store_stream(p->api->store, p->user, p->after, p->limit, &p->answer, &p->page);
	p->head = store_head(p->api->store, p->user);
	net_post(p->api->net, conn_ref_thread(p->to), &p->msg);
}

/* 0; -1: the pool is full, or no memory: later. */
static int ask_page(struct socket *k)
{
	struct page_job *p = calloc(1, sizeof *p);

	if (!p)
		return -1;
	*p = (struct page_job){
		.kind = API_POST_PAGE,
		.job = {.run = read_page},
		.api = k->t->api,
		.to = conn_id(k->c),
		.user = k->who.user,
		.limit = k->s.page_limit,
		.hello = k->s.hello,
		.after = k->s.at,
	};
	page_init(&p->page);
	if (pool_submit(k->t->api->readers, &p->job)) {
		free(p);
		return -1;
	}
	k->reading = true;
	return 0;
}

static uint32_t room_now(const struct api_thread *t)
{
	if (t->waiting < WAITING_WIDE)
		return SESSION_EVENTS_WIDE;
	return t->waiting < WAITING_TIGHT ? SESSION_EVENTS_MAX : SESSION_EVENTS_TIGHT;
}

static void count_waiting(struct socket *k)
{
	k->t->waiting += k->s.out.len - k->counted;
	k->counted = k->s.out.len;
}

void socket_stir(struct socket *k)
{
	count_waiting(k);
	k->t->pushed += k->s.pushed;
	k->pushed += k->s.pushed;
	k->s.pushed = 0;
	if (k->s.broken) {
		socket_close(k, CLOSE_RESTART, "resume with your cursor");
		return;
	}
	if (k->s.out.len)
		conn_ws_want_write(k->c);
	if (k->s.out.len > SESSION_ANSWERS_HIGH)
		conn_ws_pause(k->c, true);
	if (k->s.want_page && !k->reading && !k->in_paging && ask_page(k)) {
		k->in_paging = true;
		TAILQ_INSERT_TAIL(&k->t->paging, k, paging_link);
	}
}

void socket_error(struct socket *k, int64_t ref, const struct refusal *why)
{
	if (k->t->api->metrics)
		metric_refusal(k->t->api->metrics, why->err);
	write_error(session_begin(&k->s), ref, why);
	session_end(&k->s);
	socket_stir(k);
}

void socket_err(struct socket *k, int64_t ref, enum err e, const char *field, const char *detail)
{
	socket_error(k, ref, &(struct refusal){.err = e, .field = field, .detail = detail});
}

/* Reading stops while too many sends or too many bytes of answers wait. */
void socket_unanswered(struct socket *k, int change)
{
	k->s.unanswered += (uint32_t)change;
	if (k->s.unanswered >= UNANSWERED_MAX)
		conn_ws_pause(k->c, true);
	else if (change < 0 && k->s.unanswered <= UNANSWERED_LOW && k->s.out.len <= SESSION_ANSWERS_HIGH)
		conn_ws_pause(k->c, false);
}

void socket_text(struct socket *k, struct str text)
{
	k->received++;
	if (!k->closing)
		frame_take(k, text);
}

bool socket_fill(struct socket *k, struct buf *out)
{
	bool more = session_take(&k->s, out);

	if (k->s.out.len == 0 && k->s.unanswered < UNANSWERED_MAX && !k->closing)
		conn_ws_pause(k->c, false);
	if (k->watch_due)
		watch_refresh(k);
	else
		socket_stir(k);
	return more;
}

static struct welcome welcome_of(struct socket *k)
{
	return (struct welcome){
		.user = accounts_name(k->t->api->accounts, k->who.user),
		.device = str_of(k->who.device),
		.ping_ms = k->t->api->config.ping_ms,
		.limits = buf_str(&k->t->limits),
	};
}

/* In presence before anything is read of the stream: what is distributed after the read is then told to this socket. */
static int enter(struct socket *k)
{
	if (k->present)
		return 0;
	int rc = presence_add(k->t->api->presence, k->who.user, conn_id(k->c), PRESENCE_SOCKET);
	if (rc) {
		socket_close(k, rc == -1 ? CLOSE_TOO_MANY : CLOSE_RESTART,
			rc == -1 ? "too many connections" : "out of memory");
		return -1;
	}
	k->present = true;
	presence_changed(k->t, k->who.user);
	return 0;
}

void socket_hello(struct socket *k, const struct place *after)
{
	struct welcome hi = welcome_of(k);

	if (enter(k))
		return;
	if (after)
		session_ask(&k->s, *after);
	else
		session_start(&k->s, store_head(k->t->api->store, k->who.user), &hi);
	watch_again(k);
}

void socket_deliver(struct socket *k, const struct commit *c, const struct delivery_item *item)
{
	const struct record *r = item->record == RECORD_NONE ? NULL : &c->records[item->record];
	const struct outcome *o = item->outcome == RECORD_NONE ? NULL : &c->outcomes[item->outcome];

	/* On its way to the connection's user of before: she waited over HTTP, then another one upgraded it. */
	if (item->user != k->who.user)
		return;
	k->s.room = room_now(k->t);
	if (!o)
		session_event(&k->s, r);
	else if (o->err != ERR_OK)
		socket_err(k, o->type == OP_SEND || o->index ? (int64_t)o->token : -1, o->err, NULL, NULL);
	else if (o->type == OP_SEND)
		session_sent(&k->s, o, item->what == DELIVER_SENT ? r : NULL);
	else {
		struct buf *b = session_begin(&k->s);
		buf_adds(b, "{\"ev\":\"ok\"");
		if (o->index) {
			buf_adds(b, ",\"ref\":");
			buf_addu(b, o->token);
		}
		buf_addc(b, '}');
		session_end(&k->s);
	}
	if (o)
		socket_unanswered(k, -1);
	socket_stir(k);
}

static void collect(struct socket *k)
{
	thread_count(k->t->api, METRIC_EVENTS_REPLAYED, k->s.replayed);
	k->pushed += k->s.replayed;
	thread_count(k->t->api, METRIC_CATCH_UPS, k->s.catch_ups);
	k->s.replayed = k->s.catch_ups = 0;
}

void socket_page(struct api_thread *t, struct net_msg *m)
{
	struct page_job *p = (struct page_job *)m;
	struct conn *c = net_conn(t->net, p->to);
	struct socket *k = c ? conn_data(c) : NULL;

	if (k) {
		struct welcome hi = welcome_of(k);
		k->s.room = room_now(t);
		bool hello = k->s.state == SESSION_ASKING && p->hello == k->s.hello && p->rc == 0;
		k->reading = false;
		if (hello)
			thread_count(t->api, p->answer == STREAM_OK ? METRIC_RESUMES : METRIC_RESUMES_UNKNOWN, 1);
		if (p->rc)
			k->s.broken = p->hello == k->s.hello;
		else
			session_page(&k->s, p->hello, p->answer, &p->page, p->head, &hi);
		collect(k);
		if (k->watch_due)
			watch_refresh(k);
		else
			socket_stir(k);
	}
	page_release(&p->page);
	free(p);
}

/* Those that found the pool full: it is asked again each turn and tick. */
void sockets_turn_end(struct api_thread *t)
{
	struct socket *k;

	while ((k = TAILQ_FIRST(&t->paging))) {
		if (k->s.want_page && !k->closing && ask_page(k))
			break;
		TAILQ_REMOVE(&t->paging, k, paging_link);
		k->in_paging = false;
	}
}

static void say_bye(struct socket *k)
{
	struct buf *b = session_begin(&k->s);

	k->bye_said = true;
	buf_adds(b, "{\"ev\":\"bye\",\"code\":1012,\"reconnect_after_ms\":");
	/* Spread, so that not all come back at once. */
	buf_addu(
		b, k->t->api->config.reconnect_ms + conn_id(k->c) * 2654435761u % (k->t->api->config.reconnect_ms + 1));
	buf_addc(b, '}');
	session_end(&k->s);
	socket_stir(k);
}

static void drain(struct socket *k)
{
	if (!k->bye_said)
		say_bye(k);
	else if (k->s.unanswered == 0 && k->lookups == 0)
		socket_close(k, CLOSE_RESTART, "server restart");
}

/* Sockets whose session has ended: looked for when any session did, and now and then for those that expire. */
static void close_ended(struct api_thread *t)
{
	uint64_t revision = accounts_revision(t->api->accounts), now = clock_mono_us();
	struct socket *k;

	if (revision == t->revision && now - t->alive_us < EXPIRY_US)
		return;
	t->revision = revision;
	t->alive_us = now;
	TAILQ_FOREACH(k, &t->sockets, link)
	if (accounts_locked(t->api->accounts, k->who.user))
		socket_close(k, CLOSE_LOCKED, "account locked");
	else if (!accounts_alive(t->api->accounts, &k->who, clock_wall_ms()))
		socket_close(k, CLOSE_AUTH, "session ended");
}

void sockets_tick(struct api_thread *t)
{
	struct socket *k;
	uint64_t now = clock_mono_us();

	close_ended(t);
	if (now - t->looked_us >= LOOK_US) {
		t->looked_us = now;
		gauges_look(t, now);
	}
	if (!atomic_load(&t->api->draining))
		return;
	TAILQ_FOREACH(k, &t->sockets, link)
	drain(k);
}
