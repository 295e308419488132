/* GET /messages: the caller's unread messages, and waiting for the first one. */
#include "common/base/clock.h"
#include "server/api/query.h"
#include "server/api/thread.h"
#include <stdlib.h>

enum param { Q_LIMIT, Q_AFTER, Q_FROM, Q_WAIT, PARAMS };
static const char *const param_names[PARAMS] = {"limit", "after", "from", "wait"};

struct listing {
	uint32_t limit, from;
	bool nobody; /* `from` is no user: nothing can come */
	struct place after;
	char from_name[USER_MAX + 1]; /* empty: of everybody */
	uint64_t until_us;            /* monotonic; 0: does not wait */
	bool present;
	bool woken;        /* a message came while the store was being read */
	enum err read_err; /* of work() */
	bool no_cursor;    /* of work(): `after` is none of this store */
	const struct writer *w;
};

static void release(struct api_call *c)
{
	struct listing *l = c->data;

	if (l && l->present)
		presence_remove(c->api->presence, c->session.user, c->conn, clock_wall_ms());
	free(l);
}

/* Every message that is shown to its recipient has reached her. A mark that cannot be stored is nobody's error. */
void mark_shown(struct api *a, uint32_t user, const struct page *page)
{
	struct op_batch *b = NULL;

	/* Oldest first, so that marks join the watermark. */
	bool falling = page->n > 1 && page->items[0].rec.at.pos > page->items[1].rec.at.pos;

	for (uint32_t i = 0; i < page->n; i++) {
		const struct stored *m = &page->items[falling ? page->n - 1 - i : i];
		if (m->rec.peer != user || m->delivered_ms)
			continue;
		if (!b)
			b = op_batch_new();
		struct op *op = b ? op_batch_add(b) : NULL;
		if (!op)
			break;
		op->type = OP_DELIVERED;
		op->silent = true;
		op->actor = user;
		op->peer = m->rec.actor;
		op->target = m->rec.at;
		op->ordinal = m->rec.ordinal;
	}
	if (b && b->n)
		queue_enqueue(a->queue, b);
	else if (b)
		op_batch_free(b);
}

static void add_next(struct api_call *c, const struct listing *l, struct place last)
{
	char cursor[CURSOR_TEXT + 1];

	cursor_format(c->api->token_key, last, c->session.user, cursor);
	cursor[CURSOR_TEXT] = 0;
	api_header(c, "Chat-Next-Cursor", cursor);
	buf_addf(&c->headers, "Link: </messages?limit=%u&after=%s%s%s>; rel=\"next\"\r\n", l->limit, cursor,
		l->from_name[0] ? "&from=" : "", l->from_name);
}

/* A cursor is of a message. One that an older copy of the data does not have would skip what took its place. */
static int check_after(struct api_call *c, struct listing *l, struct page *page)
{
	int rc = store_get(c->api->store, l->after, page);

	if (rc < 0)
		l->read_err = store_failure();
	page_release(page);
	l->no_cursor = rc == 0;
	return rc == 1 ? 0 : -1;
}

static void work(struct api_call *c)
{
	struct listing *l = c->data;
	struct page page;

	page_init(&page);
	if (l->after.pos && check_after(c, l, &page))
		return;
	if (!l->nobody && store_unread(c->api->store, c->session.user, l->from, l->after.pos, l->limit, &page)) {
		l->read_err = store_failure();
		page_release(&page);
		return;
	}
	buf_addf(&c->headers, "Chat-Unread-Total: %llu\r\n",
		(unsigned long long)store_unread_total(c->api->store, c->session.user));
	for (uint32_t i = 0; i < page.n; i++) {
		const struct stored *m = &page.items[i];
		buf_addc(&c->out, i ? ',' : '[');
		write_message(&c->out, l->w, &m->rec, m->delivered_ms, m->read_ms);
	}
	if (page.n) {
		buf_addc(&c->out, ']');
		if (page.more)
			add_next(c, l, page.items[page.n - 1].rec.at);
		if (!c->out.failed)
			mark_shown(c->api, c->session.user, &page);
	}
	page_release(&page);
}

static void done(struct api_call *c);

static void read_again(struct api_call *c)
{
	struct listing *l = c->data;

	l->woken = false;
	buf_reset(&c->headers);
	api_work(c, c->api->readers, work, done);
}

static void done(struct api_call *c)
{
	struct listing *l = c->data;

	if (l->read_err)
		api_fail(c, l->read_err, "The store cannot be read");
	else if (l->no_cursor)
		api_fail_field(c, ERR_BAD_CURSOR, "after", NULL);
	else if (c->out.len || c->out.failed)
		api_reply(c, 200);
	else if (clock_mono_us() >= l->until_us)
		api_reply(c, 204);
	else if (l->woken)
		read_again(c);
	else
		api_park(c);
}

static void on_event(struct api_call *c, const struct record *r)
{
	struct listing *l = c->data;

	if (r->type != RECORD_MESSAGE || r->peer != c->session.user || (l->from && l->from != r->actor))
		return;
	if (c->state == CALL_PARKED)
		read_again(c);
	else
		l->woken = true;
}

static void on_tick(struct api_call *c)
{
	struct listing *l = c->data;

	if (atomic_load(&c->api->draining))
		api_fail(c, ERR_DRAINING, NULL);
	else if (clock_mono_us() >= l->until_us)
		read_again(c);
}

static int bad(struct api_call *c, enum err e, const char *name, const char *detail)
{
	api_fail_field(c, e, name, detail);
	return -1;
}

static int take_from(struct api_call *c, struct listing *l, struct str name)
{
	if (!name.p)
		return 0;
	if (!user_name_ok(name))
		return bad(c, ERR_BAD_QUERY, "from", "A user name is wanted");
	memcpy(l->from_name, name.p, name.n);
	l->from = accounts_find_any(c->api->accounts, name);
	l->nobody = l->from == 0;
	return 0;
}

static int take_params(struct api_call *c, struct listing *l)
{
	uint64_t limit = PAGE_DEFAULT < c->api->config.page_max ? PAGE_DEFAULT : c->api->config.page_max, wait = 0;
	struct str q[PARAMS];

	if (query_read(c->query, param_names, q, PARAMS))
		return bad(c, ERR_BAD_QUERY, NULL, "A parameter stands twice or is badly encoded");
	if (q[Q_LIMIT].p && query_uint(q[Q_LIMIT], 1, c->api->config.page_max, &limit)) {
		c->limit = c->api->config.page_max;
		return bad(c, ERR_BAD_QUERY, "limit", "A whole number from 1 to the limit is wanted");
	}
	if (q[Q_WAIT].p && query_uint(q[Q_WAIT], 0, WAIT_MAX, &wait)) {
		c->limit = WAIT_MAX;
		return bad(c, ERR_BAD_QUERY, "wait", "Whole seconds up to the limit are wanted");
	}
	if (q[Q_AFTER].p && cursor_parse(c->api->token_key, q[Q_AFTER], c->session.user, &l->after))
		return bad(c, ERR_BAD_CURSOR, "after", NULL);
	l->limit = (uint32_t)limit;
	l->until_us = wait ? clock_mono_us() + wait * 1000000 : 0;
	return take_from(c, l, q[Q_FROM]);
}

/* In presence before the first read, so that what comes after it is told. */
static int enter(struct api_call *c, struct listing *l)
{
	if (!l->until_us)
		return 0;
	int rc = presence_add(c->api->presence, c->session.user, c->conn, PRESENCE_WAITER);
	l->present = rc == 0;
	if (rc)
		api_fail(c, rc == -1 ? ERR_RATE_LIMITED : ERR_OVERLOADED,
			rc == -1 ? "Too many connections of this user" : NULL);
	return rc;
}

void api_messages_get(struct api_call *c)
{
	struct listing *l = calloc(1, sizeof *l);

	if (!l) {
		api_fail(c, ERR_OVERLOADED, NULL);
		return;
	}
	l->w = &call_thread(c)->writer;
	c->data = l;
	c->release = release;
	c->event = on_event;
	c->tick = on_tick;
	if (take_params(c, l) || enter(c, l))
		return;
	api_work(c, c->api->readers, work, done);
}
