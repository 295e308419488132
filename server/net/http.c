/* Requests and answers: one after the other on a connection, whatever shares a segment. */
#include "common/base/clock.h"
#include "server/net/conn.h"
#include <stdio.h>
#include <time.h>

static const struct {
	int status;
	const char *phrase;
} phrases[] = {
	{200, "OK"},
	{201, "Created"},
	{202, "Accepted"},
	{204, "No Content"},
	{304, "Not Modified"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{411, "Length Required"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{415, "Unsupported Media Type"},
	{417, "Expectation Failed"},
	{426, "Upgrade Required"},
	{429, "Too Many Requests"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{503, "Service Unavailable"},
	{505, "HTTP Version Not Supported"},
	{507, "Insufficient Storage"},
};

static const char *phrase_of(int status)
{
	for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "";
}

/* The text of the Date header (RFC 9110 section 5.6.7), made once a second. */
static const char *date_now(struct net_thread *t)
{
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	uint64_t now = clock_wall_ms() / 1000;
	time_t seconds = (time_t)now;
	struct tm tm;

	if (now != t->date_s && gmtime_r(&seconds, &tm)) {
		t->date_s = now;
		snprintf(t->date, sizeof t->date, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * tm.tm_wday,
			tm.tm_mday, months + 3 * tm.tm_mon, (tm.tm_year + 1900) % 10000, tm.tm_hour, tm.tm_min,
			tm.tm_sec);
	}
	return t->date;
}

static int answer_add(struct conn *c, const struct http_answer *a)
{
	struct buf *b = &c->out;

	buf_addf(b, "HTTP/1.1 %d %s\r\nDate: %s\r\n", a->status, phrase_of(a->status), date_now(c->t));
	if (a->content_type && a->status != 204)
		buf_addf(b, "Content-Type: %s\r\n", a->content_type);
	if (a->status != 204)
		buf_addf(b, "Content-Length: %zu\r\n", a->body.n);
	if (c->close_after)
		buf_adds(b, "Connection: close\r\n");
	buf_addstr(b, a->headers);
	buf_adds(b, "\r\n");
	if (a->status != 204 && !c->is_head)
		buf_addstr(b, a->body);
	return b->failed ? -1 : 0;
}

void conn_reply(struct conn *c, const struct http_answer *a)
{
	if (c->state != CONN_WAIT)
		return;
	c->state = CONN_HEAD;
	c->scan = (struct http_scan){0};
	c->started = false;
	c->deadline_ms = c->t->now_ms + c->t->n->conf.keep_alive_ms;
	c->in.max = HTTP_HEAD_MAX + 2 * READ_MAX;
	if (a->close || !c->keep_alive)
		c->close_after = true;
	if (answer_add(c, a) != 0) {
		conn_kill(c);
		return;
	}
	conn_write_later(c);
	conn_resume_later(c);
}

/* The headers that belong to a refusal. */
static int refusal_headers(const struct conn *c, int status, char *out, size_t size)
{
	if (status == 401)
		return snprintf(out, size, "WWW-Authenticate: Bearer\r\n");
	if (status == 405 && c->allow)
		return snprintf(out, size, "Allow: %s\r\n", c->allow);
	if (status == 429 || status == 503)
		return snprintf(out, size, "Retry-After: 1\r\n");
	if (status == 426)
		return snprintf(
			out, size, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n");
	return 0;
}

void conn_reply_err(struct conn *c, enum err e, const char *detail)
{
	char headers[256], text[768];
	int status = err_status(e);
	int head_len = refusal_headers(c, status, headers, sizeof headers);
	int n = snprintf(text, sizeof text,
		"{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"code\":\"%s\",\"detail\":\"%s\"%s}",
		err_title(e), status, err_code(e), detail ? detail : err_title(e),
		status == 429 || status == 503 ? ",\"retry_after_ms\":1000" : "");

	if (n < 0 || (size_t)n >= sizeof text || head_len < 0 || (size_t)head_len >= sizeof headers) {
		conn_kill(c);
		return;
	}
	conn_reply(c, &(struct http_answer){.status = status,
			      .content_type = "application/problem+json",
			      .headers = {headers, (size_t)head_len},
			      .body = {text, (size_t)n}});
}

void http_refuse(struct conn *c, enum err e, const char *detail)
{
	c->state = CONN_WAIT;
	c->close_after = true;
	conn_reply_err(c, e, detail);
}

static enum err judge(const struct http_request *req, const struct http_verdict *v, const char **detail)
{
	const struct http_head *h = &req->head;

	*detail = v->detail;
	if (v->err != ERR_OK)
		return v->err;
	*detail = NULL;
	if (v->websocket)
		return ws_handshake_check(req);
	if (v->body == BODY_REQUIRED && !h->has_length)
		return ERR_LENGTH_REQUIRED;
	if (v->body == BODY_NONE && h->content_length > 0) {
		*detail = "This call takes no body";
		return ERR_BAD_REQUEST;
	}
	return h->content_length > v->body_max ? ERR_TOO_LARGE : ERR_OK;
}

static size_t run(struct conn *c, const struct http_head *h, const uint8_t *p, size_t head_len)
{
	struct str body = {(const char *)p + head_len, (size_t)h->content_length};

	c->state = CONN_WAIT;
	c->deadline_ms = 0;
	c->t->n->handler->request(c->t->n->ctx, c, h, body);
	return head_len + body.n;
}

/* A whole head: ask the handler, then refuse, upgrade, serve or wait for the body. */
static size_t head_done(struct conn *c, struct http_request *req, uint8_t *p, size_t n)
{
	struct http_verdict v = {.err = ERR_OK};
	const char *detail;

	c->keep_alive = req->head.keep_alive;
	c->is_head = req->is_head;
	c->told = true;
	c->t->n->handler->head(c->t->n->ctx, c, &req->head, &v);
	c->allow = v.allow;
	enum err e = judge(req, &v, &detail);
	if (e != ERR_OK && (e != v.err || req->head.content_length > 0)) {
		http_refuse(c, e, detail);
		return n;
	}
	if (e != ERR_OK) {
		c->state = CONN_WAIT;
		conn_reply_err(c, e, detail);
		return req->head_len;
	}
	if (v.websocket) {
		if (!ws_accept(c, req))
			conn_kill(c);
		return req->head_len;
	}
	c->head_len = req->head_len;
	c->need = req->head_len + (size_t)req->head.content_length;
	if (n >= c->need)
		return run(c, &req->head, p, req->head_len);
	c->state = CONN_BODY;
	c->deadline_ms = c->t->now_ms + c->t->n->conf.body_ms;
	c->in.max = c->need + 2 * READ_MAX;
	return 0;
}

size_t http_step_head(struct conn *c, uint8_t *p, size_t n)
{
	struct http_request req;

	if (!conn_may_take(c))
		return 0;
	enum http_result result = http_parse((const char *)p, n, &c->scan, &req);
	if (result == HTTP_DONE)
		return head_done(c, &req, p, n);
	if (result == HTTP_REFUSED) {
		http_refuse(c, req.err, req.detail);
		return n;
	}
	if (!c->started) {
		c->started = true;
		c->deadline_ms = c->t->now_ms + c->t->n->conf.header_ms;
	}
	return 0;
}

size_t http_step_body(struct conn *c, uint8_t *p, size_t n)
{
	struct http_request req;
	struct http_scan scan = {0};

	if (n < c->need)
		return 0;
	/* The bytes may have moved since the head was judged, so its slices are found again. */
	if (http_parse((const char *)p, n, &scan, &req) != HTTP_DONE) {
		conn_kill(c);
		return n;
	}
	return run(c, &req.head, p, c->head_len);
}

void http_flush(struct conn *c)
{
	conn_write(c, c->out.data, c->out.len);
	buf_release(&c->out);
	if (c->close_after && !c->choked && c->state != CONN_DEAD)
		conn_linger(c);
}

void http_late(struct conn *c)
{
	if (c->in.len == 0)
		conn_kill(c);
	else
		http_refuse(c, ERR_TIMEOUT, NULL);
}
