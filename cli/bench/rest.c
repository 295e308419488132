#include "cli/bench/rest.h"
#include <strings.h>

#define AGAIN_NS UINT64_C(200000000) /* between two tries to connect */

struct lane {
	struct sock sock;
	struct rest *rest;
	struct rest_call *queue; /* a ring */
	uint32_t head, n, cap;
	bool busy;    /* the first of the queue is under way */
	uint64_t due; /* ns: not before */
};

struct rest {
	struct net *net;
	struct rest_handler h;
	struct lane *lanes;
	unsigned n_lanes, turn;
	uint64_t waiting;
};

static struct lane *of(struct sock *s)
{
	return (struct lane *)(void *)((char *)s - offsetof(struct lane, sock));
}

static struct rest_call *first(struct lane *l)
{
	return &l->queue[l->head];
}

static void go_on(struct lane *l)
{
	char why[256];

	if (l->busy || l->n == 0 || l->due > l->rest->net->now)
		return;
	if (l->sock.fd < 0) {
		if (sock_open(&l->sock, why)) {
			l->due = l->rest->net->now + AGAIN_NS;
			l->rest->h.down(l->rest->h.ctx, why, false);
		}
		return;
	}
	if (l->sock.connecting)
		return;
	l->rest->h.put(l->rest->h.ctx, first(l), &l->sock.out);
	if (!first(l)->written)
		first(l)->written = l->rest->net->now;
	l->busy = true;
	sock_say(&l->sock);
}

static void connected(struct sock *s)
{
	go_on(of(s));
}

static void broken(struct sock *s, const char *why)
{
	struct lane *l = of(s);
	bool busy = l->busy;

	l->busy = false;
	if (busy)
		first(l)->again = true;
	l->due = l->rest->net->now + (busy ? AGAIN_NS : AGAIN_NS / 100);
	/* An idle connection that the server closed is nobody's failure. */
	if (l->n)
		l->rest->h.down(l->rest->h.ctx, why, busy);
}

/* The answer at p: its bytes, or 0 when it is not whole. */
static size_t answer_read(const char *p, size_t n, struct rest_answer *a)
{
	const char *end = n > 12 ? memmem(p, n, "\r\n\r\n", 4) : NULL, *line = p;

	memset(a, 0, sizeof *a);
	if (!end)
		return 0;
	a->status = (unsigned)strtoul(p + 9, NULL, 10);
	a->head = (struct str){p, (size_t)(end + 2 - p)};
	a->body.p = end + 4;
	while ((line = memchr(line, '\n', (size_t)(end - line))) && ++line < end) {
		if (strncasecmp(line, "content-length:", 15) == 0)
			a->body.n = (size_t)strtoull(line + 15, NULL, 10);
		else if (strncasecmp(line, "retry-after:", 12) == 0)
			a->retry_after_s = (unsigned)strtoul(line + 12, NULL, 10);
	}
	size_t head = (size_t)(a->body.p - p);
	return a->body.n <= n - head ? head + a->body.n : 0;
}

static size_t data(struct sock *s, char *p, size_t n)
{
	struct lane *l = of(s);
	struct rest_answer a;
	size_t used = l->busy ? answer_read(p, n, &a) : n;

	if (!l->busy || used == 0)
		return used;
	struct rest_call c = *first(l);
	l->head = (l->head + 1) % l->cap;
	l->n--;
	l->rest->waiting--;
	l->busy = false;
	l->rest->h.answer(l->rest->h.ctx, &c, &a);
	go_on(l);
	return used;
}

static const struct sock_ops ops = {connected, data, broken};

struct rest *rest_new(struct net *n, const struct rest_handler *h, unsigned lanes)
{
	struct rest *r = calloc(1, sizeof *r);

	if (!r || !(r->lanes = calloc(lanes, sizeof *r->lanes)))
		abort();
	r->net = n;
	r->h = *h;
	r->n_lanes = lanes;
	for (unsigned i = 0; i < lanes; i++) {
		sock_init(&r->lanes[i].sock, n, &ops);
		r->lanes[i].rest = r;
	}
	return r;
}

void rest_free(struct rest *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < r->n_lanes; i++) {
		sock_release(&r->lanes[i].sock);
		free(r->lanes[i].queue);
	}
	free(r->lanes);
	free(r);
}

/* Of a few lanes the one with the shortest queue. */
static struct lane *shortest(struct rest *r)
{
	struct lane *best = NULL;

	for (unsigned i = 0; i < 8; i++) {
		struct lane *l = &r->lanes[r->turn++ % r->n_lanes];
		if (!best || l->n < best->n)
			best = l;
		if (best->n == 0)
			break;
	}
	return best;
}

bool rest_queue(struct rest *r, uint32_t lane, const struct rest_call *c)
{
	struct lane *l = lane == UINT32_MAX ? shortest(r) : &r->lanes[lane % r->n_lanes];

	if (r->waiting >= REST_QUEUE_MAX)
		return false;
	if (l->n == l->cap) {
		uint32_t cap = l->cap ? l->cap * 2 : 8;
		struct rest_call *q = malloc(cap * sizeof *q);
		if (!q)
			return false;
		for (uint32_t i = 0; i < l->n; i++)
			q[i] = l->queue[(l->head + i) % l->cap];
		free(l->queue);
		l->queue = q;
		l->head = 0;
		l->cap = cap;
	}
	l->queue[(l->head + l->n++) % l->cap] = *c;
	r->waiting++;
	go_on(l);
	if (!l->busy || l->n > 1)
		l->queue[(l->head + l->n - 1) % l->cap].waited = true;
	return true;
}

void rest_tend(struct rest *r)
{
	for (unsigned i = 0; i < r->n_lanes; i++)
		go_on(&r->lanes[i]);
}

uint64_t rest_waiting(const struct rest *r)
{
	return r->waiting;
}

void rest_drop(struct rest *r)
{
	for (unsigned i = 0; i < r->n_lanes; i++) {
		sock_close(&r->lanes[i].sock, false);
		r->lanes[i].n = 0;
		r->lanes[i].busy = false;
	}
	r->waiting = 0;
}

void rest_put(struct bytes *out, const struct net *n, const char *method, const char *target, const char *token,
	struct str body)
{
	char head[1024];

	int size = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: %s\r\n%s%s%s", method, target, n->host,
		token ? "Authorization: Bearer " : "", token ? token : "", token ? "\r\n" : "");
	bytes_add(out, head, (size_t)size);
	if (body.p) {
		size = snprintf(head, sizeof head, "Content-Type: application/json\r\nContent-Length: %zu\r\n", body.n);
		bytes_add(out, head, (size_t)size);
	}
	bytes_adds(out, "\r\n");
	bytes_add(out, body.p, body.n);
}

bool rest_next(const struct rest_answer *a, char out[REST_TARGET])
{
	const char *end = a->head.p + a->head.n, *line = a->head.p;

	while ((line = memchr(line, '\n', (size_t)(end - line))) && ++line < end) {
		const char *stop = memchr(line, '\r', (size_t)(end - line)), *open, *close;
		if (!stop || strncasecmp(line, "link:", 5) != 0 ||
			!memmem(line, (size_t)(stop - line), "rel=\"next\"", 10))
			continue;
		open = memchr(line, '<', (size_t)(stop - line));
		close = open ? memchr(open, '>', (size_t)(stop - open)) : NULL;
		if (!close || close - open < 2 || close - open > REST_TARGET - 1 || open[1] != '/')
			return false;
		memcpy(out, open + 1, (size_t)(close - open - 1));
		out[close - open - 1] = 0;
		return true;
	}
	return false;
}
