#include "cli/bench/ws.h"

enum { FRAME_MAX = 512 * 1024 /* half of what chatd takes by default */, ITEM_MAX = 1000 };

static void broken(struct sock *s, const char *why);

static struct ws *of(struct sock *s)
{
	return (struct ws *)(void *)((char *)s - offsetof(struct ws, sock));
}

static struct ws_send *at(struct ws *w, uint64_t number)
{
	return &w->queue[number & (w->cap - 1)];
}

static void frame(struct ws *w, unsigned opcode, const char *p, size_t n)
{
	static uint32_t key = 0x9e3779b9u;

	key = key * 1664525u + 1013904223u;
	frame_write(&w->sock.out, opcode, p, n, true, key);
	sock_say(&w->sock);
}

void ws_say(struct ws *w, const char *json, size_t n)
{
	frame(w, FRAME_TEXT, json, n);
}

static void hello(struct ws *w)
{
	char text[128];
	int n = w->cursor_len ? snprintf(text, sizeof text, "{\"op\":\"hello\",\"cursor\":\"%.*s\"}", w->cursor_len,
					w->cursor)
			      : snprintf(text, sizeof text, "{\"op\":\"hello\"}");

	w->state = WS_GREETING;
	w->said_len = 0;
	ws_say(w, text, (size_t)n);
}

static void connected(struct sock *s)
{
	struct ws *w = of(s);
	char text[640];

	int n = snprintf(text, sizeof text,
		"GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "
		"13\r\n"
		"Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\nSec-WebSocket-Protocol: chat.v1\r\nAuthorization: "
		"Bearer %s\r\n\r\n",
		s->net->host, w->token);
	bytes_add(&s->out, text, (size_t)n);
	w->state = WS_UPGRADING;
	sock_say(s);
}

/* 0: not whole; else the head's length. An answer that is no 101 breaks the connection. */
static size_t upgraded(struct ws *w, const char *p, size_t n)
{
	const char *end = memmem(p, n, "\r\n\r\n", 4);
	char why[64];

	if (!end)
		return 0;
	if (n < 12 || memcmp(p, "HTTP/1.1 101", 12) != 0) {
		snprintf(why, sizeof why, "the upgrade was answered with %.3s", n > 12 ? p + 9 : "?");
		sock_close(&w->sock, false);
		broken(&w->sock, why);
		return 0;
	}
	hello(w);
	return (size_t)(end + 4 - p);
}

static void keep_cursor(struct ws *w, struct str cursor)
{
	if (cursor.n == 0 || cursor.n >= sizeof w->cursor)
		return;
	memcpy(w->cursor, cursor.p, cursor.n);
	w->cursor_len = (uint8_t)cursor.n;
}

/* The event's place in the stream. What is missing before it is not asked for again, as a client would: the ledger shall see that it never came. */
static void step(struct ws *w, const struct item *it)
{
	bool gap = it->prev.n && w->cursor_len &&
		   (it->prev.n != w->cursor_len || memcmp(it->prev.p, w->cursor, it->prev.n) != 0);

	if (gap)
		w->h->gap(w->h->ctx, w);
	keep_cursor(w, it->cursor);
}

static void answered(struct ws *w, const struct item *it)
{
	if (!it->has_ref || it->ref < w->head || it->ref >= w->next || at(w, it->ref)->answered)
		return;
	struct ws_send *m = at(w, it->ref);
	m->answered = true;
	w->h->answer(w->h->ctx, w, m, it);
	while (w->head < w->next && at(w, w->head)->answered)
		w->head++;
}

static void on_welcome(struct ws *w, const struct item *it)
{
	w->state = WS_CATCHING_UP;
	w->recovered = it->recovered;
	w->back = w->sock.net->now;
	w->breaks = 0;
	keep_cursor(w, it->cursor);
	w->h->state(w->h->ctx, w);
	w->greeted = true;
}

/* Who is offline writes nothing: what was due meanwhile, by our own doing, is due now. */
static void redate(struct ws *w)
{
	for (uint64_t i = w->next; i < w->tail; i++)
		if (!at(w, i)->again && at(w, i)->intended < w->sock.net->now)
			at(w, i)->intended = w->sock.net->now;
}

static void on_live(struct ws *w, const struct item *it)
{
	keep_cursor(w, it->cursor);
	w->state = WS_LIVE;
	w->stuck = true;
	if (w->excused)
		redate(w);
	w->h->state(w->h->ctx, w);
	if (w->excused && !w->slow) {
		w->excused = false;
		w->excused_until = w->sock.net->now;
	}
	ws_push(w);
}

static void on_sent(struct ws *w, const struct item *it)
{
	step(w, it);
	answered(w, it);
}

static void on_stream(struct ws *w, const struct item *it)
{
	step(w, it);
	w->owes_ack = true;
	w->h->event(w->h->ctx, w, it);
}

static void on_error(struct ws *w, const struct item *it)
{
	if (it->has_ref)
		answered(w, it);
	else
		w->h->event(w->h->ctx, w, it);
}

static void take(struct ws *w, const struct item *it)
{
	static const struct {
		const char *ev;
		void (*on)(struct ws *w, const struct item *it);
	} events[] = {{"message", on_stream}, {"sent", on_sent}, {"receipt", on_stream}, {"read", on_stream},
		{"error", on_error}, {"live", on_live}, {"welcome", on_welcome}};

	/* What comes between a hello and its welcome belongs to the stream before. */
	if (w->state == WS_GREETING && !str_is(it->ev, "welcome"))
		return;
	for (size_t i = 0; i < sizeof events / sizeof *events; i++)
		if (str_is(it->ev, events[i].ev)) {
			events[i].on(w, it);
			return;
		}
}

static bool take_frame(struct ws *w, const struct frame *f)
{
	const char *p = f->payload, *end = f->payload + f->n;
	char why[160];
	struct item it;

	if (f->opcode == FRAME_PING) {
		frame(w, FRAME_PONG, f->payload, f->n);
	} else if (f->opcode == FRAME_CLOSE) {
		unsigned code = f->n < 2 ? 1005 : (unsigned char)f->payload[0] << 8 | (unsigned char)f->payload[1];
		snprintf(why, sizeof why, "the server closed the socket with %u", code);
		sock_close(&w->sock, false);
		broken(&w->sock, why);
	} else if (f->opcode == FRAME_TEXT && f->final) {
		while (w->sock.fd >= 0 && item_next(&p, end, &it))
			take(w, &it);
	}
	return w->sock.fd >= 0;
}

static size_t data(struct sock *s, char *p, size_t n)
{
	struct ws *w = of(s);
	size_t done = 0, one;
	struct frame f;

	w->heard = s->net->now;
	if (w->state == WS_UPGRADING && (done = upgraded(w, p, n)) == 0)
		return 0;
	while ((one = frame_read(p + done, n - done, &f))) {
		done += one;
		if (!take_frame(w, &f))
			return done;
	}
	ws_push(w);
	return done;
}

/* What was written and not answered is due again, in its order. */
static void rewind_queue(struct ws *w)
{
	for (uint64_t i = w->head; i < w->next; i++)
		at(w, i)->again = true;
	w->next = w->head;
	w->state = WS_DOWN;
	w->owes_ack = false;
}

static void broken(struct sock *s, const char *why)
{
	struct ws *w = of(s);

	rewind_queue(w);
	w->breaks++;
	w->h->down(w->h->ctx, w, why);
}

static const struct sock_ops ops = {connected, data, broken};

void ws_init(struct ws *w, struct net *n, const struct ws_handler *h, uint32_t user, const char *token)
{
	memset(w, 0, sizeof *w);
	sock_init(&w->sock, n, &ops);
	w->h = h;
	w->user = user;
	w->token = token;
}

void ws_release(struct ws *w)
{
	sock_release(&w->sock);
	free(w->queue);
	w->queue = NULL;
}

void ws_open(struct ws *w)
{
	char why[256];

	w->state = WS_CONNECTING;
	w->began = w->heard = w->sock.net->now;
	if (sock_open(&w->sock, why))
		broken(&w->sock, why);
}

void ws_cut(struct ws *w, bool abruptly)
{
	sock_close(&w->sock, abruptly);
	rewind_queue(w);
}

bool ws_send(struct ws *w, uint32_t pair, uint32_t number, uint64_t intended)
{
	if (w->tail - w->head == w->cap) {
		uint32_t cap = w->cap ? w->cap * 2 : 16;
		struct ws_send *q = cap > WS_QUEUE_MAX ? NULL : malloc(cap * sizeof *q);
		if (!q)
			return false;
		for (uint64_t i = w->head; i < w->tail; i++)
			q[i & (cap - 1)] = *at(w, i);
		free(w->queue);
		w->queue = q;
		w->cap = cap;
	}
	*at(w, w->tail++) = (struct ws_send){.intended = intended, .pair = pair, .number = number};
	return true;
}

/* Passes over what was answered before the break. */
static bool skip_answered(struct ws *w)
{
	while (w->next < w->tail && at(w, w->next)->answered)
		w->next++;
	return w->next < w->tail;
}

void ws_push(struct ws *w)
{
	static struct bytes payload; /* one thread */
	unsigned n = 0;

	if (w->next == w->tail || w->state != WS_LIVE || !sock_room(&w->sock)) {
		w->stuck |= w->next != w->tail;
		return;
	}
	if (w->stuck)
		w->sock.since = w->sock.net->now;
	payload.n = 0;
	bytes_adds(&payload, "[");
	while (n < ITEM_MAX && payload.n < FRAME_MAX && skip_answered(w) && w->next - w->head < WS_WINDOW) {
		struct ws_send *m = at(w, w->next);
		if (n++)
			bytes_adds(&payload, ",");
		w->h->put(w->h->ctx, w, m, w->next, &payload);
		if (w->h->written)
			w->h->written(w->h->ctx, w, m);
		w->next++;
	}
	if (n == 1)
		ws_say(w, payload.p + 1, payload.n - 1);
	else if (n) {
		bytes_adds(&payload, "]");
		ws_say(w, payload.p, payload.n);
	}
	w->stuck = w->next < w->tail;
}

void ws_ack(struct ws *w)
{
	char text[128];

	if (!w->owes_ack || w->state != WS_LIVE || !sock_room(&w->sock))
		return;
	int n = snprintf(text, sizeof text, "{\"op\":\"ack\",\"cursor\":\"%.*s\"}", w->cursor_len, w->cursor);
	ws_say(w, text, (size_t)n);
	w->owes_ack = false;
}
