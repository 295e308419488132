#include "common/base/clock.h"
#include "server/api/thread.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum { OUT_MAX = 32 << 20, HEADERS_MAX = 4096 };

static void call_free(struct api_call *c)
{
	if (c->state == CALL_PARKED)
		TAILQ_REMOVE(&call_thread(c)->parked, c, link);
	if (c->release)
		c->release(c);
	/* It may hold a password. */
	if (c->kept)
		sodium_memzero(c->kept, c->body.n);
	if (c->decoded)
		sodium_memzero(c->decoded, c->decoded_len);
	free(c->kept);
	free(c->decoded);
	if (c->out.data)
		sodium_memzero(c->out.data, c->out.len);
	buf_release(&c->out);
	buf_release(&c->headers);
	atomic_fetch_sub(&c->api->open, 1);
	free(c);
}

/* The connection, as long as it is there. */
static struct conn *conn_of(const struct api_call *c)
{
	return net_conn(c->thread, c->conn);
}

static void answer(struct api_call *c, int status, const char *type)
{
	struct conn *conn = conn_of(c);

	if (c->api->metrics)
		metric_answer(c->api->metrics, status, c->err);
	if (conn && (c->out.failed || c->headers.failed)) {
		conn_set_data(conn, NULL);
		conn_reply_err(conn, ERR_OVERLOADED, "Out of memory");
	} else if (conn) {
		struct http_answer a = {
			.status = status,
			.content_type = status == 204 ? NULL : type,
			.headers = buf_str(&c->headers),
			.body = buf_str(&c->out),
			.close = atomic_load(&c->api->draining),
		};
		conn_set_data(conn, NULL);
		conn_reply(conn, &a);
	}
	call_free(c);
}

/* What is in err, detail, field, limit and retry_ms, as a problem object. */
static void fail(struct api_call *c)
{
	struct refusal why = {.err = c->err, .field = c->field, .detail = c->detail, .limit = c->limit};
	int status = err_status(c->err);

	buf_reset(&c->out);
	buf_reset(&c->headers);
	if (status == 401)
		api_header(c, "WWW-Authenticate", "Bearer");
	if (c->retry_ms || write_retries(c->err)) {
		unsigned ms = c->retry_ms ? c->retry_ms : RETRY_MS;
		buf_addf(&c->headers, "Retry-After: %u\r\n", (ms + 999) / 1000);
	}
	write_problem(&c->out, &why, c->retry_ms);
	answer(c, status, "application/problem+json");
}

void api_fail(struct api_call *c, enum err e, const char *detail)
{
	c->err = e;
	c->detail = detail;
	fail(c);
}

void api_fail_field(struct api_call *c, enum err e, const char *field, const char *detail)
{
	c->field = field;
	api_fail(c, e, detail);
}

void api_reply(struct api_call *c, int status)
{
	if (c->out.failed || c->headers.failed)
		api_fail(c, ERR_OVERLOADED, "Out of memory");
	else
		answer(c, status, c->content_type ? c->content_type : "application/json");
}

void api_header(struct api_call *c, const char *name, const char *value)
{
	buf_addf(&c->headers, "%s: %s\r\n", name, value);
}

static void run_job(struct job *j)
{
	struct api_call *c = (struct api_call *)((char *)j - offsetof(struct api_call, job));

	c->work(c);
	net_post(c->api->net, conn_ref_thread(c->conn), &c->msg);
}

void api_work(struct api_call *c, struct pool *p, void (*work)(struct api_call *c), void (*done)(struct api_call *c))
{
	if (c->state == CALL_PARKED)
		TAILQ_REMOVE(&call_thread(c)->parked, c, link);
	c->state = CALL_WORK;
	c->work = work;
	c->done = done;
	c->job = (struct job){.run = run_job};
	if (pool_submit(p, &c->job)) {
		c->state = CALL_HANDLER;
		api_fail(c, ERR_OVERLOADED, NULL);
	}
}

void api_round(
	struct api_call *c, void (*each)(struct api_call *c, struct api_thread *t), void (*done)(struct api_call *c))
{
	c->state = CALL_WORK;
	c->each = each;
	c->done = done;
	c->hop = 0;
	net_post(c->api->net, 0, &c->msg);
}

static void go_round(struct api_call *c, struct api_thread *t)
{
	c->each(c, t);
	if (++c->hop < net_threads(c->api->net)) {
		net_post(c->api->net, c->hop, &c->msg);
		return;
	}
	c->each = NULL;
	net_post(c->api->net, conn_ref_thread(c->conn), &c->msg);
}

void call_returned(struct api_thread *t, struct net_msg *m)
{
	struct api_call *c = (struct api_call *)m;

	if (c->each) {
		go_round(c, t);
		return;
	}
	c->state = CALL_HANDLER;
	if (!conn_of(c))
		call_free(c);
	else if (c->done)
		c->done(c);
	else if (c->err != ERR_OK)
		fail(c);
	else
		api_reply(c, c->status);
}

void api_park(struct api_call *c)
{
	c->state = CALL_PARKED;
	TAILQ_INSERT_TAIL(&call_thread(c)->parked, c, link);
}

void call_closed(struct api_call *c)
{
	/* One that a pool works on ends when it comes back. */
	if (c->state != CALL_WORK)
		call_free(c);
}

void calls_tick(struct api_thread *t)
{
	struct api_call *c, *next;

	for (c = TAILQ_FIRST(&t->parked); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c->tick)
			c->tick(c);
	}
}

void call_begin(struct api_thread *t, struct conn *conn, const struct api_route *r, const struct session *s,
	const struct http_head *h, const char *param, struct str body)
{
	struct api_call *c = calloc(1, sizeof *c);

	if (!c) {
		conn_reply_err(conn, ERR_OVERLOADED, NULL);
		return;
	}
	c->api = t->api;
	c->thread = t->net;
	c->route = r;
	c->conn = conn_id(conn);
	c->session = *s;
	c->kind = API_POST_CALL;
	c->status = 200;
	c->body = body;
	snprintf(c->peer, sizeof c->peer, "%s", conn_peer(conn));
	snprintf(c->param, sizeof c->param, "%s", param);
	if (h->query.n)
		memcpy(c->query, h->query.p, h->query.n);
	buf_init(&c->out, OUT_MAX);
	buf_init(&c->headers, HEADERS_MAX);
	atomic_fetch_add(&t->api->open, 1);
	conn_set_data(conn, c);
	r->handler(c);
}

int api_keep_body(struct api_call *c)
{
	if (c->kept || c->body.n == 0)
		return 0;
	c->kept = malloc(c->body.n);
	if (!c->kept)
		return -1;
	memcpy(c->kept, c->body.p, c->body.n);
	c->body.p = c->kept;
	return 0;
}

int api_object(struct api_call *c, const char *const names[], struct json_value values[], size_t n)
{
	struct json_error err = {0};

	if (api_keep_body(c)) {
		api_fail(c, ERR_OVERLOADED, NULL);
		return -1;
	}
	struct str doc = c->body.n == 0 && c->route->body == BODY_OPTIONAL ? STR("{}") : c->body;
	if (json_object(doc, names, values, n, &err)) {
		api_fail(c, ERR_BAD_JSON, err.why);
		return -1;
	}
	return 0;
}

int api_name_fits(struct api_call *c, const char *field, struct str name)
{
	if (utf8_chars(name) <= c->api->config.name_chars_max)
		return 0;
	c->limit = c->api->config.name_chars_max;
	api_fail_field(c, ERR_BAD_FIELD, field, "too many characters");
	return -1;
}

int api_admit(struct api_call *c)
{
	if (accounts_admit(c->api->accounts, c->peer, clock_mono_us()))
		return 0;
	c->retry_ms = 3000;
	api_fail(c, ERR_RATE_LIMITED, "too many registrations and logins from this address in a minute");
	return -1;
}

void api_free_data(struct api_call *c)
{
	free(c->data);
}

int api_text(struct api_call *c, const char *name, const struct json_value *v, bool optional, struct str *out)
{
	*out = (struct str){NULL, 0};
	if (v->type == JSON_NONE && optional)
		return 0;
	if (v->type != JSON_STRING) {
		api_fail_field(c, ERR_BAD_FIELD, name, "A string is wanted");
		return -1;
	}
	*out = v->raw;
	if (!v->escaped)
		return 0;
	/* All strings of the body together are shorter than it. */
	if (!c->decoded)
		c->decoded = malloc(c->body.n);
	if (!c->decoded) {
		api_fail(c, ERR_OVERLOADED, NULL);
		return -1;
	}
	*out = json_text(v, c->decoded + c->decoded_len);
	c->decoded_len += v->raw.n;
	return 0;
}
