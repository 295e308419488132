/* The WebSocket scenario: connection i is user i and sends to the user after it, window messages in flight; every message that was
 * acknowledged must reach its recipient once, unchanged and in order. */
#include "tests/bench/load/load.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { READ_MAX = 256 * 1024, EVENTS_MAX = 256, REFUSALS_MAX = 1000 };
#define PATIENCE_NS (10 * 1000000000ull) /* how long the rest is waited for */

/* Grows on demand; zero at first. */
struct bits {
	uint64_t *words;
	size_t n;
};

struct conn {
	int fd;
	unsigned index;
	bool live, writing, sender; /* writing: waits for EPOLLOUT */
	struct bytes in, out;       /* in: the beginning of a frame whose end is not here yet */
	struct bytes prefix;        /* of a send, up to its ref */
	struct bytes middle;        /* of a send, from after its ref to its body */
	uint64_t *sent_at;          /* by slot, ns; a message's ref is number * window + slot */
	uint16_t *slots;            /* the free ones */
	unsigned free;
	uint64_t next, quota;      /* numbers of messages */
	struct bits acked, pushed; /* acked: of what it sent; pushed: of what it received */
	uint64_t expected;         /* the next number from its only correspondent */
	char cursor[72];
	size_t cursor_len;
	bool owes_ack;
};

static struct {
	const struct load_options *o;
	struct load_totals *t;
	struct conn *conns;
	unsigned live;
	int epoll;
	uint64_t run, now, outstanding;
	bool stopped;
	char *in; /* what is read, after the rest of the read before */
	size_t in_room;
	struct bytes payload; /* of the frame being built */
	uint32_t key;
} w;

static bool bits_set(struct bits *b, uint64_t at)
{
	size_t need = at / 64 + 1;

	if (need > b->n) {
		b->words = realloc(b->words, need * 2 * sizeof *b->words);
		if (!b->words)
			abort();
		memset(b->words + b->n, 0, (need * 2 - b->n) * sizeof *b->words);
		b->n = need * 2;
	}
	uint64_t bit = 1ull << at % 64;
	bool was = b->words[at / 64] & bit;
	b->words[at / 64] |= bit;
	return was;
}

static void conn_write(struct conn *c)
{
	if (load_flush(c->fd, &c->out))
		load_fail("a connection broke", strerror(errno));
	if ((c->out.n > 0) == c->writing)
		return;
	c->writing = c->out.n > 0;
	struct epoll_event e = {.events = EPOLLIN | (c->writing ? EPOLLOUT : 0), .data.ptr = c};
	epoll_ctl(w.epoll, EPOLL_CTL_MOD, c->fd, &e);
}

static void conn_say(struct conn *c, unsigned opcode, const char *p, size_t n)
{
	w.key = w.key * 1664525u + 1013904223u;
	frame_write(&c->out, opcode, p, n, true, w.key);
}

static void add_client_id(struct bytes *p, const struct conn *c)
{
	char id[] = "\",\"client_id\":\"rrrr-iiii-nnnnnnnnnnnn";

	hex_put(id + 15, 4, w.run);
	hex_put(id + 20, 4, c->index);
	hex_put(id + 25, 12, c->next);
	bytes_add(p, id, sizeof id - 1);
}

static void add_send(struct bytes *p, struct conn *c)
{
	struct body_head h = {w.run, c->index, c->next, w.now};
	unsigned slot = c->slots[--c->free];

	c->sent_at[slot] = w.now;
	bytes_add(p, c->prefix.p, c->prefix.n);
	bytes_addu(p, c->next * w.o->window + slot);
	bytes_add(p, c->middle.p, c->middle.n);
	body_put(bytes_reserve(p, w.o->body), w.o->body, &h);
	p->n += w.o->body;
	if (w.o->client_ids)
		add_client_id(p, c);
	bytes_adds(p, "\"}");
	c->next++;
}

/* Says in one frame as many sends as there are free slots. */
static void conn_fill(struct conn *c)
{
	uint64_t n = c->free;

	if (!c->sender || w.stopped || c->writing)
		return;
	if (n > c->quota - c->next)
		n = c->quota - c->next;
	if (n == 0)
		return;
	w.payload.n = 0;
	for (uint64_t i = 0; i < n; i++) {
		bytes_adds(&w.payload, n == 1 ? "" : i ? "," : "[");
		add_send(&w.payload, c);
	}
	if (n > 1)
		bytes_adds(&w.payload, "]");
	w.outstanding += n;
	conn_say(c, FRAME_TEXT, w.payload.p, w.payload.n);
}

/* The event's place in the stream. */
static void step(struct conn *c, const struct item *it)
{
	if (it->cursor.n == 0 || it->cursor.n >= sizeof c->cursor)
		return;
	if (it->prev.n && (it->prev.n != c->cursor_len || memcmp(it->prev.p, c->cursor, it->prev.n) != 0))
		w.t->gaps++;
	memcpy(c->cursor, it->cursor.p, it->cursor.n);
	c->cursor_len = it->cursor.n;
}

/* Frees the slot of a ref; answers the message's number, or UINT64_MAX for an answer to nothing. */
static uint64_t answered(struct conn *c, const struct item *it)
{
	if (!it->has_ref || it->ref / w.o->window >= c->next || c->free == w.o->window)
		return UINT64_MAX;
	c->slots[c->free++] = (uint16_t)(it->ref % w.o->window);
	w.outstanding--;
	return it->ref / w.o->window;
}

static void on_sent(struct conn *c, const struct item *it)
{
	uint64_t number = answered(c, it);

	step(c, it);
	if (number == UINT64_MAX || bits_set(&c->acked, number)) {
		w.t->foreign++;
		return;
	}
	hist_add(&w.t->ack, w.now - c->sent_at[it->ref % w.o->window], 1);
	w.t->acked++;
	w.t->ended = w.now;
}

static void on_message(struct conn *c, const struct item *it)
{
	struct body_head h;

	step(c, it);
	c->owes_ack = true;
	if (!body_get(it->body, w.o->body, &h)) {
		w.t->corrupt++;
	} else if (h.run != w.run || (h.sender + 1) % w.o->connections != c->index) {
		w.t->foreign++;
	} else if (bits_set(&c->pushed, h.number)) {
		w.t->duplicated++;
	} else {
		w.t->reordered += h.number < c->expected;
		c->expected = h.number + 1;
		w.t->pushed++;
		hist_add(&w.t->e2e, w.now - h.time, 1);
	}
}

static void on_receipt(struct conn *c, const struct item *it)
{
	step(c, it);
	w.t->receipts++;
}

static void on_stream(struct conn *c, const struct item *it)
{
	step(c, it);
}

static void on_live(struct conn *c, const struct item *it)
{
	step(c, it);
	w.live += !c->live;
	c->live = true;
}

static void on_error(struct conn *c, const struct item *it)
{
	(void)answered(c, it);
	w.t->refused++;
	if (!w.t->refusal[0])
		snprintf(w.t->refusal, sizeof w.t->refusal, "%.*s", (int)it->code.n, it->code.p);
	w.stopped |= w.t->refused > REFUSALS_MAX;
}

static void on_other(struct conn *c, const struct item *it)
{
	(void)c;
	(void)it;
}

static void conn_item(struct conn *c, const struct item *it)
{
	static const struct {
		const char *ev;
		void (*on)(struct conn *c, const struct item *it);
	} events[] = {{"message", on_message}, {"sent", on_sent}, {"receipt", on_receipt}, {"read", on_stream},
		{"error", on_error}, {"live", on_live}, {"welcome", on_stream}, {"pong", on_other}, {"bye", on_error}};

	for (size_t i = 0; i < sizeof events / sizeof *events; i++)
		if (slice_is(it->ev, events[i].ev)) {
			events[i].on(c, it);
			return;
		}
	w.t->foreign++;
}

static void conn_frame(struct conn *c, const struct frame *f)
{
	const char *p = f->payload, *end = f->payload + f->n;
	struct item it;

	if (f->opcode == FRAME_PING)
		conn_say(c, FRAME_PONG, f->payload, f->n);
	else if (f->opcode == FRAME_CLOSE)
		load_fail("the server closed a connection", f->n > 2 ? "with a reason" : "");
	else if (f->opcode == FRAME_TEXT && f->final)
		while (item_next(&p, end, &it))
			conn_item(c, &it);
	else
		load_fail("the server sent", "a frame that this client does not take");
}

/* Takes what the socket has, up to READ_MAX, and answers it. */
static void conn_read(struct conn *c)
{
	struct frame f;
	size_t had = c->in.n, at = 0, n;

	if (had + READ_MAX > w.in_room) {
		w.in_room = (had + READ_MAX) * 2;
		if (!(w.in = realloc(w.in, w.in_room)))
			abort();
	}
	ssize_t got = read(c->fd, w.in + had, READ_MAX);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0)
		load_fail("a connection ended", got ? strerror(errno) : "by the server");
	if (had)
		memcpy(w.in, c->in.p, had);
	had += (size_t)got;
	for (; (n = frame_read(w.in + at, had - at, &f)); at += n)
		conn_frame(c, &f);
	c->in.n = 0;
	bytes_add(&c->in, w.in + at, had - at);
	if (w.t->started)
		conn_fill(c);
}

static void conn_upgrade(struct conn *c, const struct load_user *u)
{
	char text[512];

	int n = snprintf(text, sizeof text,
		"GET /ws HTTP/1.1\r\nHost: %s:%u\r\nUpgrade: websocket\r\nConnection: "
		"Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\nSec-WebSocket-Protocol: chat.v1\r\n"
		"Authorization: Bearer %s\r\n\r\n",
		w.o->host, w.o->port, u->token);
	if (write(c->fd, text, (size_t)n) != n)
		load_fail("upgrade", strerror(errno));
	for (size_t have = 0;;) {
		ssize_t got = read(c->fd, text + have, 1);
		if (got != 1 || have + 1 >= sizeof text)
			load_fail("upgrade", "no whole answer");
		have++;
		if (have >= 4 && memcmp(text + have - 4, "\r\n\r\n", 4) == 0)
			break;
	}
	if (memcmp(text, "HTTP/1.1 101", 12) != 0)
		load_fail("upgrade", "the answer is not 101");
}

static void conn_open(struct conn *c, unsigned i, const struct load_users *users)
{
	unsigned senders = w.o->senders ? w.o->senders : w.o->connections;

	c->index = i;
	c->sender = i < senders;
	c->quota = w.o->messages ? w.o->messages / senders : UINT64_MAX;
	c->fd = load_connect(w.o);
	c->sent_at = calloc(w.o->window, sizeof *c->sent_at);
	c->slots = calloc(w.o->window, sizeof *c->slots);
	if (!c->sent_at || !c->slots)
		abort();
	while (c->free < w.o->window) {
		c->slots[c->free] = (uint16_t)(w.o->window - 1 - c->free);
		c->free++;
	}
	bytes_adds(&c->prefix, "{\"op\":\"send\",\"ref\":");
	bytes_adds(&c->middle, ",\"to\":\"");
	bytes_adds(&c->middle, users->list[(i + 1) % w.o->connections].name);
	bytes_adds(&c->middle, "\",\"body\":\"");
	conn_upgrade(c, &users->list[i]);
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	epoll_ctl(w.epoll, EPOLL_CTL_ADD, c->fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = c});
	conn_say(c, FRAME_TEXT, "{\"op\":\"hello\"}", 14);
	conn_write(c);
}

/* One turn of the loop. */
static void turn(int timeout_ms)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(w.epoll, events, EVENTS_MAX, timeout_ms);

	for (int i = 0; i < n; i++) {
		struct conn *c = events[i].data.ptr;
		w.now = bench_now();
		if (events[i].events & ~(unsigned)EPOLLOUT)
			conn_read(c);
		conn_write(c);
	}
	w.now = bench_now();
}

/* Each connection that received something says how far. */
static void acknowledge(void)
{
	char text[128];

	for (unsigned i = 0; i < w.o->connections; i++) {
		struct conn *c = &w.conns[i];
		if (!c->owes_ack || c->writing)
			continue;
		int n = snprintf(
			text, sizeof text, "{\"op\":\"ack\",\"cursor\":\"%.*s\"}", (int)c->cursor_len, c->cursor);
		conn_say(c, FRAME_TEXT, text, (size_t)n);
		conn_write(c);
		c->owes_ack = false;
	}
}

static bool quotas_spent(void)
{
	for (unsigned i = 0; i < w.o->connections; i++)
		if (w.conns[i].sender && w.conns[i].next < w.conns[i].quota)
			return false;
	return true;
}

static void measure(void)
{
	uint64_t stop = w.now + (uint64_t)(w.o->seconds * 1e9), ack = w.now, give_up = stop + PATIENCE_NS;

	w.t->started = w.t->ended = w.now;
	for (unsigned i = 0; i < w.o->connections; i++) {
		conn_fill(&w.conns[i]);
		conn_write(&w.conns[i]);
	}
	while (w.now < give_up && (!w.stopped || w.outstanding || w.t->pushed < w.t->acked)) {
		turn(10);
		if (w.o->ack_ms && w.now - ack >= w.o->ack_ms * 1000000ull) {
			acknowledge();
			ack = w.now;
		}
		if (!w.stopped && (w.now >= stop || (w.o->messages && quotas_spent()))) {
			w.stopped = true;
			give_up = w.now + PATIENCE_NS;
		}
	}
}

static void count_lost(void)
{
	for (unsigned i = 0; i < w.o->connections; i++) {
		const struct bits *acked = &w.conns[i].acked, *pushed = &w.conns[(i + 1) % w.o->connections].pushed;
		for (size_t k = 0; k < acked->n; k++)
			w.t->lost += (unsigned)__builtin_popcountll(
				acked->words[k] & ~(k < pushed->n ? pushed->words[k] : 0));
	}
	w.t->unanswered = w.outstanding;
}

static void conn_close(struct conn *c)
{
	close(c->fd);
	free(c->in.p);
	free(c->out.p);
	free(c->prefix.p);
	free(c->middle.p);
	free(c->sent_at);
	free(c->slots);
	free(c->acked.words);
	free(c->pushed.words);
}

int ws_run(const struct load_options *o, const struct load_users *users, struct load_totals *t)
{
	w.o = o;
	w.t = t;
	w.now = bench_now();
	w.run = w.now >> 10 & 0xffff;
	w.key = (uint32_t)w.now;
	w.epoll = epoll_create1(EPOLL_CLOEXEC);
	w.conns = calloc(o->connections, sizeof *w.conns);
	if (w.epoll < 0 || !w.conns || o->connections < 2)
		load_fail("ws", "two connections at least");
	for (unsigned i = 0; i < o->connections; i++)
		conn_open(&w.conns[i], i, users);
	for (uint64_t deadline = w.now + PATIENCE_NS; w.live < o->connections; turn(100))
		if (w.now > deadline)
			load_fail("hello", "not every connection went live");
	double self = load_self_cpu(), server = load_server_cpu(o->server_pid);
	measure();
	t->self_cpu = load_self_cpu() - self;
	t->server_cpu = load_server_cpu(o->server_pid) - server;
	count_lost();
	for (unsigned i = 0; i < o->connections; i++)
		conn_close(&w.conns[i]);
	free(w.conns);
	free(w.in);
	free(w.payload.p);
	close(w.epoll);
	return t->lost || t->duplicated || t->reordered || t->corrupt || t->gaps || t->refused || t->unanswered ||
			       !t->acked
		       ? -1
		       : 0;
}
