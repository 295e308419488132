/* The WebSocket side of a connection: handshake, frames to messages, one coalesced write a turn. */
#include "common/base/log.h"
#include "server/net/conn.h"
#include <sys/socket.h>

enum {
	CODE_NORMAL = 1000,
	CODE_NONE = 1005,
	CODE_UTF8 = 1007,
	CODE_POLICY = 1008,
	CODE_INTERNAL = 1011,
	CODE_SLOW = 4008,
	CODE_NO_PONG = 4011,
	REASON_MAX = WS_CONTROL_MAX - 2
};

enum err ws_handshake_check(const struct http_request *req)
{
	const struct http_head *h = &req->head;

	if (h->method != HTTP_GET || !req->connection_upgrade || !req->upgrade_websocket || !req->ws_version_13)
		return ERR_UPGRADE_REQUIRED;
	if (!h->upgrade)
		return ERR_BAD_REQUEST;
	return req->offers_chat_v1 ? ERR_OK : ERR_NO_SUBPROTOCOL;
}

/* Sec-WebSocket-Accept (RFC 6455 section 4.2.2). */
static bool accept_key(struct str key, char out[32])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	unsigned char text[24 + sizeof guid - 1], digest[20];

	memcpy(text, key.p, 24);
	memcpy(text + 24, guid, sizeof guid - 1);
	lws_SHA1(text, sizeof text, digest);
	return lws_b64_encode_string((const char *)digest, sizeof digest, out, 32) > 0;
}

bool ws_accept(struct conn *c, const struct http_request *req)
{
	char key[32];
	int size = SEND_BUFFER;

	if (!accept_key(req->ws_key, key) ||
		buf_addf(&c->out,
			"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			"Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: chat.v1\r\n\r\n",
			key) != 0)
		return false;
	setsockopt(lws_get_socket_fd(c->wsi), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	c->state = CONN_WS;
	c->started = false;
	c->deadline_ms = 0;
	c->ping_ms = c->pong_ms = c->t->now_ms;
	c->rx = (struct ws_rx){.max = c->t->n->conf.ws_message_max};
	c->in.max = c->rx.max + WS_CLIENT_HEAD_MAX + 2 * READ_MAX;
	conn_write_later(c);
	c->t->n->handler->ws_open(c->t->n->ctx, c);
	return true;
}

/* Ends it with code; nothing more is expected from the peer, nor said to it but the close frame. */
static void end(struct conn *c, unsigned code)
{
	if (c->code == 0)
		c->code = (uint16_t)code;
	c->peer_closed = true;
	c->want_fill = false;
	conn_write_later(c);
}

static void deliver(struct conn *c, struct str text)
{
	c->started = false;
	if (!ws_utf8_ok(text))
		end(c, CODE_UTF8);
	else
		c->t->n->handler->ws_text(c->t->n->ctx, c, text);
}

static void take_data(struct conn *c, const struct ws_frame *f)
{
	if (f->first && f->last) {
		deliver(c, f->payload);
		return;
	}
	if (buf_add(&c->msg, f->payload.p, f->payload.n) != 0) {
		conn_kill(c);
		return;
	}
	if (!f->last)
		return;
	deliver(c, buf_str(&c->msg));
	buf_release(&c->msg);
}

/* One pong at most waits: a newer ping takes the place of the older one. */
static void take_ping(struct conn *c, const struct ws_frame *f)
{
	uint8_t head[WS_HEAD_MAX];
	size_t n = ws_frame_head(head, WS_OP_PONG, f->payload.n);

	if (c->pong_at)
		c->out.len = c->pong_at - 1;
	c->pong_at = c->out.len + 1;
	if (buf_add(&c->out, head, n) != 0 || buf_addstr(&c->out, f->payload) != 0)
		conn_kill(c);
	else
		conn_write_later(c);
}

static void take_pong(struct conn *c, const struct ws_frame *f)
{
	(void)f;
	c->pong_ms = c->t->now_ms;
}

static void take_close(struct conn *c, const struct ws_frame *f)
{
	end(c, f->code == CODE_NONE ? CODE_NORMAL : f->code);
}

static void take_broken(struct conn *c, const struct ws_frame *f)
{
	end(c, f->code);
}

static void (*const takers[])(struct conn *c, const struct ws_frame *f) = {
	[WS_DATA] = take_data,
	[WS_PING] = take_ping,
	[WS_PONG] = take_pong,
	[WS_CLOSE] = take_close,
	[WS_BROKEN] = take_broken,
};

size_t ws_step(struct conn *c, uint8_t *p, size_t n)
{
	struct ws_frame f;

	if (c->peer_closed)
		return n;
	if (!conn_may_take(c))
		return 0;
	ws_frame_read(&c->rx, p, n, &f);
	if (f.event == WS_MORE)
		return 0;
	takers[f.event](c, &f);
	return c->peer_closed ? n : f.size;
}

size_t ws_step_closing(struct conn *c, uint8_t *p, size_t n)
{
	struct ws_frame f;

	ws_frame_read(&c->rx, p, n, &f);
	if (f.event == WS_MORE)
		return 0;
	if (f.event != WS_CLOSE && f.event != WS_BROKEN)
		return f.size;
	c->peer_closed = true;
	conn_write_later(c);
	return n;
}

void ws_deadline(struct conn *c)
{
	bool pending = c->in.len > 0 || c->rx.fragments > 0;

	if (c->code || (pending && c->started))
		return;
	c->started = pending;
	c->deadline_ms = pending ? c->t->now_ms + c->t->n->conf.frame_ms : 0;
}

static size_t close_frame(const struct conn *c, char *out)
{
	uint8_t code[2] = {(uint8_t)(c->code >> 8), (uint8_t)c->code};
	size_t reason = c->reason ? strlen(c->reason) : 0;
	size_t n = ws_frame_head((uint8_t *)out, WS_OP_CLOSE, 2 + reason);

	memcpy(out + n, code, 2);
	if (reason)
		memcpy(out + n + 2, c->reason, reason);
	return n + 2 + reason;
}

/* Lets the handler write one message into the arena: its bytes. */
static size_t fill(struct conn *c)
{
	struct buf b = {.data = c->t->arena + FILL_HEADROOM, .cap = FILL_MAX, .max = FILL_MAX};

	if (!c->want_fill)
		return 0;
	c->want_fill = false;
	if (c->t->n->handler->ws_fill(c->t->n->ctx, c, &b) && b.len > 0)
		c->want_fill = true;
	if (!b.failed)
		return b.len;
	log_event(LOG_ERROR, "ws-message-too-big", "max=%d", FILL_MAX);
	end(c, CODE_INTERNAL);
	return 0;
}

/* What precedes the message goes right before it, so that all is one run of bytes: it begins at the answer. */
static char *front(struct conn *c, size_t payload)
{
	static const char ping[2] = {(char)(0x80 | WS_OP_PING), 0};
	uint8_t head[WS_HEAD_MAX];
	size_t n = payload ? ws_frame_head(head, WS_OP_TEXT, payload) : 0;
	char *at = c->t->arena + FILL_HEADROOM - n;

	memcpy(at, head, n);
	if (c->ping_due) {
		at -= sizeof ping;
		memcpy(at, ping, sizeof ping);
	}
	at -= c->out.len;
	if (c->out.len)
		memcpy(at, c->out.data, c->out.len);
	c->ping_due = false;
	c->pong_at = 0;
	buf_release(&c->out);
	return at;
}

static void sent_close(struct conn *c, unsigned ms)
{
	c->state = CONN_WS_CLOSING;
	c->paused = false;
	c->deadline_ms = c->t->now_ms + ms;
	buf_release(&c->msg);
	conn_read_update(c);
}

void ws_flush(struct conn *c)
{
	if (c->state == CONN_WS && c->out.len > FILL_HEADROOM - 2 * WS_HEAD_MAX) {
		conn_write(c, c->out.data, c->out.len);
		c->pong_at = 0;
		buf_release(&c->out);
		conn_write_later(c);
	}
	if (c->choked || c->state == CONN_DEAD)
		return;
	if (c->state == CONN_WS) {
		size_t payload = fill(c);
		char *from = front(c, payload), *to = c->t->arena + FILL_HEADROOM + payload;
		bool closing = c->code && (!c->want_fill || c->t->now_ms >= c->deadline_ms);
		if (closing)
			to += close_frame(c, to);
		conn_write(c, from, (size_t)(to - from));
		if (closing && c->state == CONN_WS)
			sent_close(c, CLOSE_MS);
		else if (c->want_fill && !c->choked)
			conn_write_later(c);
	}
	if (c->state == CONN_WS_CLOSING && c->peer_closed && !c->choked)
		conn_linger(c);
}

void ws_sweep(struct conn *c)
{
	const struct net_config *conf = &c->t->n->conf;
	uint64_t now = c->t->now_ms;

	if (c->code)
		return;
	if (now - c->ping_ms >= conf->ping_ms) {
		c->ping_ms = now;
		c->ping_due = true;
		conn_write_later(c);
	}
	if (c->paused)
		return;
	if (c->deadline_ms && now >= c->deadline_ms)
		end(c, CODE_POLICY);
	else if (now - c->pong_ms >= conf->pong_ms)
		end(c, CODE_NO_PONG);
}

void ws_stalled(struct conn *c)
{
	char frame[WS_CONTROL_MAX + WS_HEAD_MAX];

	if (c->code == 0)
		c->code = CODE_SLOW;
	/* lws puts it behind what it holds: a reader that wakes up in time learns why. */
	if (lws_write(c->wsi, (unsigned char *)frame, close_frame(c, frame), LWS_WRITE_RAW) < 0)
		conn_kill(c);
	else
		sent_close(c, STALLED_MS);
}

void conn_ws_want_write(struct conn *c)
{
	if (c->state != CONN_WS || c->peer_closed)
		return;
	c->want_fill = true;
	if (!c->choked)
		conn_write_later(c);
}

void conn_ws_pause(struct conn *c, bool paused)
{
	if (c->state != CONN_WS || c->paused == paused || c->code)
		return;
	c->paused = paused;
	if (!paused) {
		c->pong_ms = c->t->now_ms;
		c->started = false;
		ws_deadline(c);
		conn_resume_later(c);
	}
	conn_read_update(c);
}

void conn_ws_close(struct conn *c, unsigned code, const char *reason)
{
	if (c->state != CONN_WS || c->code)
		return;
	c->code = (uint16_t)code;
	c->reason = reason ? strndup(reason, REASON_MAX) : NULL;
	c->deadline_ms = c->t->now_ms + LAST_FILL_MS;
	conn_write_later(c);
}
