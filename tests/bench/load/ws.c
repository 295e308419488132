/* The WebSocket scenario: connection i is user i and sends to the user after it, window messages in flight; every message that was
 * acknowledged must reach its recipient once, unchanged and in order. */
#include "cli/bench/ws.h"
#include "tests/bench/load/load.h"

enum { REFUSALS_MAX = 1000 };
#define PATIENCE_NS (10 * 1000000000ull) /* how long the rest is waited for */

/* Grows on demand; zero at first. */
struct bits {
	uint64_t *words;
	size_t n;
};

struct conn {
	struct ws ws;
	bool sender, full;         /* full: its next send waits for the end of the turn */
	struct bytes middle;       /* of a send, from after its ref to its body */
	uint64_t said, quota;      /* numbers of messages */
	struct bits acked, pushed; /* acked: of what it sent; pushed: of what it received */
	uint64_t expected;         /* the next number from its only correspondent */
};

static struct {
	const struct load_options *o;
	struct load_totals *t;
	struct net net;
	struct conn *conns;
	unsigned live;
	uint64_t run, outstanding;
	bool stopped;
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

static void add_client_id(struct bytes *p, unsigned sender, uint64_t number)
{
	char id[] = "\",\"client_id\":\"rrrr-iiii-nnnnnnnnnnnn";

	hex_put(id + 15, 4, w.run);
	hex_put(id + 20, 4, sender);
	hex_put(id + 25, 12, number);
	bytes_add(p, id, sizeof id - 1);
}

static void put(void *ctx, struct ws *s, const struct ws_send *m, uint64_t ref, struct bytes *out)
{
	struct conn *c = (struct conn *)(void *)s;
	struct body_head h = {w.run, s->user, ref, m->intended};

	(void)ctx;
	bytes_adds(out, "{\"op\":\"send\",\"ref\":");
	bytes_addu(out, ref);
	bytes_add(out, c->middle.p, c->middle.n);
	body_put(bytes_reserve(out, w.o->body), w.o->body, &h);
	out->n += w.o->body;
	if (w.o->client_ids)
		add_client_id(out, s->user, ref);
	bytes_adds(out, "\"}");
}

static void fill(struct conn *c)
{
	if (!c->sender || w.stopped || !w.t->started)
		return;
	while (ws_unanswered(&c->ws) < w.o->window && c->said < c->quota) {
		if (!ws_send(&c->ws, 0, 0, w.net.now))
			abort();
		c->said++;
		w.outstanding++;
	}
}

static void on_answer(void *ctx, struct ws *s, const struct ws_send *m, const struct item *it)
{
	struct conn *c = (struct conn *)(void *)s;

	(void)ctx;
	w.outstanding--;
	if (it->code.n) {
		if (!w.t->refused++)
			snprintf(w.t->refusal, sizeof w.t->refusal, "%.*s", (int)it->code.n, it->code.p);
		w.stopped |= w.t->refused > REFUSALS_MAX;
	} else {
		bits_set(&c->acked, it->ref);
		hist_add(&w.t->ack, w.net.now - m->intended, 1);
		w.t->acked++;
		w.t->ended = w.net.now;
	}
	c->full = true;
}

static void on_message(struct conn *c, const struct item *it)
{
	struct body_head h;

	if (!body_get(it->body, w.o->body, &h)) {
		w.t->corrupt++;
	} else if (h.run != w.run || (h.sender + 1) % w.o->connections != c->ws.user) {
		w.t->foreign++;
	} else if (bits_set(&c->pushed, h.number)) {
		w.t->duplicated++;
	} else {
		w.t->reordered += h.number < c->expected;
		c->expected = h.number + 1;
		w.t->pushed++;
		hist_add(&w.t->e2e, w.net.now - h.time, 1);
	}
}

static void on_event(void *ctx, struct ws *s, const struct item *it)
{
	(void)ctx;
	if (str_is(it->ev, "message"))
		on_message((struct conn *)(void *)s, it);
	else if (str_is(it->ev, "receipt"))
		w.t->receipts++;
	else
		w.t->foreign++;
}

static void on_state(void *ctx, struct ws *s)
{
	(void)ctx;
	w.live += s->state == WS_LIVE;
}

static void on_down(void *ctx, struct ws *s, const char *why)
{
	(void)ctx;
	(void)s;
	load_fail("a connection ended", why);
}

static void on_gap(void *ctx, struct ws *s)
{
	(void)ctx;
	(void)s;
	w.t->gaps++;
}

static const struct ws_handler handler = {put, NULL, on_answer, on_event, on_state, on_down, on_gap, NULL};

static void turn(uint64_t wait)
{
	net_turn(&w.net, wait);
	for (unsigned i = 0; i < w.o->connections; i++) {
		struct conn *c = &w.conns[i];
		if (!c->full)
			continue;
		c->full = false;
		fill(c);
		ws_push(&c->ws);
	}
}

static bool quotas_spent(void)
{
	for (unsigned i = 0; i < w.o->connections; i++)
		if (w.conns[i].sender && w.conns[i].said < w.conns[i].quota)
			return false;
	return true;
}

static void measure(void)
{
	uint64_t stop = w.net.now + (uint64_t)(w.o->seconds * 1e9), ack = w.net.now, give_up = stop + PATIENCE_NS;

	w.t->started = w.t->ended = w.net.now;
	for (unsigned i = 0; i < w.o->connections; i++)
		w.conns[i].full = true;
	while (w.net.now < give_up && (!w.stopped || w.outstanding || w.t->pushed < w.t->acked)) {
		turn(10000000);
		if (w.o->ack_ms && w.net.now - ack >= w.o->ack_ms * 1000000ull) {
			for (unsigned i = 0; i < w.o->connections; i++)
				ws_ack(&w.conns[i].ws);
			ack = w.net.now;
		}
		if (!w.stopped && (w.net.now >= stop || (w.o->messages && quotas_spent()))) {
			w.stopped = true;
			give_up = w.net.now + PATIENCE_NS;
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

static void conn_open(struct conn *c, unsigned i, const struct load_users *users)
{
	unsigned senders = w.o->senders ? w.o->senders : w.o->connections;

	c->sender = i < senders;
	c->quota = w.o->messages ? w.o->messages / senders : UINT64_MAX;
	bytes_adds(&c->middle, ",\"to\":\"");
	bytes_adds(&c->middle, users->list[(i + 1) % w.o->connections].name);
	bytes_adds(&c->middle, "\",\"body\":\"");
	ws_init(&c->ws, &w.net, &handler, i, users->list[i].token);
	ws_open(&c->ws);
}

static void conn_close(struct conn *c)
{
	ws_release(&c->ws);
	free(c->middle.p);
	free(c->acked.words);
	free(c->pushed.words);
}

int ws_run(const struct load_options *o, const struct load_users *users, struct load_totals *t)
{
	w.o = o;
	w.t = t;
	load_net(o, &w.net);
	w.run = w.net.now >> 10 & 0xffff;
	w.conns = calloc(o->connections, sizeof *w.conns);
	if (!w.conns || o->connections < 2)
		load_fail("ws", "two connections at least");
	uint64_t deadline = w.net.now + PATIENCE_NS;
	for (unsigned i = 0; i < o->connections; i++) {
		conn_open(&w.conns[i], i, users);
		while (w.live < i + 1 && w.net.now < deadline)
			net_turn(&w.net, 100000000);
	}
	if (w.live < o->connections)
		load_fail("hello", "not every connection went live");
	double self = load_self_cpu(), server = load_server_cpu(o->server_pid);
	measure();
	t->self_cpu = load_self_cpu() - self;
	t->server_cpu = load_server_cpu(o->server_pid) - server;
	count_lost();
	for (unsigned i = 0; i < o->connections; i++)
		conn_close(&w.conns[i]);
	free(w.conns);
	net_release(&w.net);
	return t->lost || t->duplicated || t->reordered || t->corrupt || t->gaps || t->refused || t->unanswered ||
			       !t->acked
		       ? -1
		       : 0;
}
