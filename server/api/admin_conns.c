/* Connections: who is there, and closing them. A call goes round the network threads, each of which tells of its own. */
#include "common/base/array.h"
#include "common/base/clock.h"
#include "server/api/admin.h"
#include "server/api/query.h"
#include "server/api/socket.h"
#include <inttypes.h>
#include <stdlib.h>

enum { LIST_MAX = 10000, LIST_USUAL = 100, CLOSED_BY_HAND = CLOSE_RESTART };

struct row {
	conn_ref id;
	uint32_t user;
	char device[DEVICE_TEXT + 1], address[46];
	const char *state;
	bool ws;
	uint64_t age_ms, idle_ms, out_bytes, received, pushed;
	uint32_t behind;
};
struct round {
	uint32_t user; /* 0: all */
	conn_ref id;   /* closing one */
	uint64_t limit;
	int (*order)(const void *a, const void *b);
	struct row *rows;
	uint32_t n, cap, closed;
	bool failed;
};

static int by_lag(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->behind != y->behind)
		return x->behind < y->behind ? 1 : -1;
	return x->out_bytes < y->out_bytes ? 1 : x->out_bytes > y->out_bytes ? -1 : 0;
}

static int by_idle(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->idle_ms < y->idle_ms ? 1 : x->idle_ms > y->idle_ms ? -1 : 0;
}

static int by_age(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->age_ms < y->age_ms ? 1 : x->age_ms > y->age_ms ? -1 : 0;
}

static const struct {
	const char *name;
	int (*order)(const void *a, const void *b);
} orders[] = {{"lag", by_lag}, {"idle", by_idle}, {"age", by_age}};

static const char *const states[] = {
	[SESSION_NEW] = "handshake",
	[SESSION_ASKING] = "handshake",
	[SESSION_CATCHING] = "catching-up",
	[SESSION_LAGGING] = "lagging",
	[SESSION_LIVE] = "live",
};

static const struct session *whose(const struct conn *c)
{
	const struct api_posted *data = conn_data(c);

	if (!data)
		return NULL;
	return data->kind == API_SOCKET ? &((const struct socket *)data)->who
					: &((const struct api_call *)data)->session;
}

static void note(void *ctx, struct conn *c)
{
	struct round *r = ctx;
	const struct session *who = whose(c);
	const struct api_posted *data = conn_data(c);

	if (r->user && (!who || who->user != r->user))
		return;
	struct row *rows = array_room(r->rows, r->n, &r->cap, sizeof *rows, 64);
	if (!rows) {
		r->failed = true;
		return;
	}
	r->rows = rows;
	struct row *x = &rows[r->n++];
	*x = (struct row){.id = conn_id(c), .state = "live", .age_ms = conn_age_ms(c), .idle_ms = conn_idle_ms(c)};
	memcpy(x->address, conn_peer(c), strlen(conn_peer(c)) + 1);
	if (who) {
		x->user = who->user;
		memcpy(x->device, who->device, sizeof x->device);
	}
	if (!data || data->kind != API_SOCKET)
		return;
	const struct socket *k = (const struct socket *)data;
	x->ws = true;
	x->state = states[k->s.state];
	x->out_bytes = k->s.out.len;
	x->received = k->received;
	x->pushed = k->pushed;
	x->behind = k->s.behind;
}

static void note_all(struct api_call *c, struct api_thread *t)
{
	net_each(t->net, note, c->data);
}

static void add_text(struct buf *out, const char *name, struct str text)
{
	buf_addf(out, ",\"%s\":", name);
	if (text.n)
		json_add_string(out, text);
	else
		buf_adds(out, "null");
}

static void add_row(struct api_call *c, const struct row *x, uint64_t now_ms)
{
	struct buf *b = &c->out;

	buf_addf(b, "{\"id\":\"%016" PRIx64 "\"", x->id);
	add_text(b, "user", accounts_name(c->api->accounts, x->user));
	add_text(b, "device", str_of(x->device));
	buf_addf(b, ",\"kind\":\"%s\",\"address\":\"%s\"", x->ws ? "ws" : "http", x->address);
	admin_time(b, "since", now_ms - x->age_ms);
	buf_addf(b, ",\"idle_ms\":%" PRIu64 ",\"state\":\"%s\",\"lag_events\":%u", x->idle_ms, x->state, x->behind);
	buf_addf(b, ",\"out_bytes\":%" PRIu64 ",\"received\":%" PRIu64 ",\"pushed\":%" PRIu64 "}", x->out_bytes,
		x->received, x->pushed);
}

static void list_done(struct api_call *c)
{
	struct round *r = c->data;
	uint64_t now_ms = clock_wall_ms();

	if (r->failed) {
		api_fail(c, ERR_OVERLOADED, "Out of memory");
		return;
	}
	if (r->n)
		qsort(r->rows, r->n, sizeof *r->rows, r->order);
	buf_addc(&c->out, '[');
	for (uint32_t i = 0; i < r->n && i < r->limit; i++) {
		if (i)
			buf_addc(&c->out, ',');
		add_row(c, &r->rows[i], now_ms);
	}
	buf_addc(&c->out, ']');
	api_reply(c, 200);
}

static void release(struct api_call *c)
{
	struct round *r = c->data;

	if (r)
		free(r->rows);
	free(r);
}

static struct round *round_new(struct api_call *c)
{
	if (admin_data(c, sizeof(struct round)))
		return NULL;
	c->release = release;
	return c->data;
}

static int take_params(struct api_call *c, struct round *r)
{
	static const char *const names[] = {"user", "limit", "sort"};
	struct str q[3];
	size_t i = 0;

	r->limit = LIST_USUAL;
	r->order = by_lag;
	if (query_read(c->query, names, q, 3) || (q[1].p && query_uint(q[1], 1, LIST_MAX, &r->limit))) {
		c->limit = LIST_MAX;
		api_fail_field(
			c, ERR_BAD_QUERY, "limit", "A whole number from 1 to the limit is wanted, each parameter once");
		return -1;
	}
	while (q[2].p && i < sizeof orders / sizeof *orders && !str_is(q[2], orders[i].name))
		i++;
	if (i == sizeof orders / sizeof *orders) {
		api_fail_field(c, ERR_BAD_QUERY, "sort", "lag, idle or age");
		return -1;
	}
	r->order = orders[i].order;
	/* Nobody's name has nobody's connections. */
	r->user = q[0].p ? accounts_find(c->api->accounts, q[0]) : 0;
	if (q[0].p && !r->user)
		r->user = UINT32_MAX;
	return 0;
}

void admin_conns_get(struct api_call *c)
{
	struct round *r = round_new(c);

	if (r && take_params(c, r) == 0)
		api_round(c, note_all, list_done);
}

/* Closing. */

static void close_one(struct round *r, struct conn *c)
{
	struct api_posted *data = conn_data(c);

	r->closed++;
	if (data && data->kind == API_SOCKET)
		socket_close((struct socket *)data, CLOSED_BY_HAND, "closed by an operator");
	else
		conn_drop(c);
}

static void close_if_hers(void *ctx, struct conn *c)
{
	struct round *r = ctx;
	const struct session *who = whose(c);

	if (who && who->user == r->user)
		close_one(r, c);
}

static void close_hers(struct api_call *c, struct api_thread *t)
{
	net_each(t->net, close_if_hers, c->data);
}

static void close_id(struct api_call *c, struct api_thread *t)
{
	struct round *r = c->data;
	struct conn *conn = net_conn(t->net, r->id);

	/* The operator's own goes once it is answered. */
	if (conn && r->id != c->conn)
		close_one(r, conn);
	else if (conn)
		r->closed++;
}

static void closed_user(struct api_call *c)
{
	const struct round *r = c->data;

	buf_addf(&c->out, "{\"closed\":%u}", r->closed);
	api_reply(c, 200);
}

static void closed_id(struct api_call *c)
{
	const struct round *r = c->data;

	if (r->closed)
		api_reply(c, 204);
	else
		api_fail(c, ERR_NOT_FOUND, "No such connection");
}

void admin_conn_delete(struct api_call *c)
{
	struct round *r = round_new(c);
	char *end;

	if (!r)
		return;
	r->id = strtoull(c->param, &end, 16);
	if (*end || strlen(c->param) != 16)
		api_fail(c, ERR_NOT_FOUND, "No such connection");
	else
		api_round(c, close_id, closed_id);
}

void admin_user_conns_delete(struct api_call *c)
{
	struct round *r = round_new(c);

	if (!r)
		return;
	r->user = accounts_find(c->api->accounts, str_of(c->param));
	if (r->user)
		api_round(c, close_hers, closed_user);
	else
		api_fail(c, ERR_NOT_FOUND, "No such user");
}
