/* The same work given to Redis Streams, the strongest durable peer: user i sends to the stream of user i + 1 by XADD, o->window of them unanswered, and reads
 * their own by XREAD BLOCK on a second connection. What XREAD brings is what a push is for chatd. */
#include "tests/bench/load/load.h"
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 256 << 10, EVENTS = 256, PAGE = 512, IDLE_MS = 2000, DEPTH = 5 };

struct redis_link {
	int fd;
	unsigned user;
	bool reads;
	struct bytes in, out;
	unsigned waiting;    /* XADDs without an answer */
	uint64_t *sent_at;   /* of those, a ring */
	unsigned first;      /* the oldest of the ring */
	char last[40];       /* id of the newest entry read */
	uint64_t seen, next; /* entries read; number of the next message sent */
};

struct redis_run {
	const struct load_options *o;
	struct load_totals *t;
	struct redis_link *links; /* senders, then readers */
	uint64_t run, stop;
	int epoll;
};

static void add_bulk(struct bytes *out, const char *p, size_t n)
{
	bytes_adds(out, "$");
	bytes_addu(out, n);
	bytes_adds(out, "\r\n");
	bytes_add(out, p, n);
	bytes_adds(out, "\r\n");
}

static void add_words(struct bytes *out, unsigned n, const char *const *words)
{
	for (unsigned i = 0; i < n; i++)
		add_bulk(out, words[i], strlen(words[i]));
}

static void send_more(struct redis_run *r, struct redis_link *l)
{
	char key[24];
	uint64_t now = bench_now();
	unsigned window = r->o->window;

	snprintf(key, sizeof key, "u%u", (l->user + 1) % r->o->connections);
	while (l->waiting < window && now < r->stop) {
		struct body_head h = {r->run, l->user, l->next++, now};
		char body[1024];
		body_put(body, r->o->body, &h);
		bytes_adds(&l->out, "*5\r\n");
		add_words(&l->out, 4, (const char *const[]){"XADD", key, "*", "b"});
		add_bulk(&l->out, body, r->o->body);
		l->sent_at[(l->first + l->waiting++) % window] = now;
	}
}

static void read_more(struct redis_link *l)
{
	char key[24], page[12];

	snprintf(key, sizeof key, "u%u", l->user);
	snprintf(page, sizeof page, "%d", PAGE);
	bytes_adds(&l->out, "*8\r\n");
	add_words(&l->out, 8, (const char *const[]){"XREAD", "COUNT", page, "BLOCK", "0", "STREAMS", key, l->last});
}

/* The end of the line that begins at p, behind its newline; NULL: not whole. */
static const char *line_end(const char *p, const char *end)
{
	const char *at = memchr(p, '\n', (size_t)(end - p));
	return at ? at + 1 : NULL;
}

/* The end of the value that begins at p; NULL: not whole yet. fn is given each bulk string in it. */
static const char *value_end(const char *p, const char *end, unsigned depth, void (*fn)(void *, struct str), void *ctx)
{
	const char *at = p < end ? line_end(p, end) : NULL;

	if (!at)
		return NULL;
	if (*p == '-' || depth > DEPTH)
		load_fail("redis", p);
	long n = atol(p + 1);
	if (*p == '$') {
		if (end - at < n + 2)
			return NULL;
		if (fn)
			fn(ctx, (struct str){at, (size_t)n});
		return at + n + 2;
	}
	for (long i = 0; *p == '*' && i < n && at; i++)
		at = value_end(at, end, depth + 1, fn, ctx);
	return at;
}

struct reading {
	struct redis_run *r;
	struct redis_link *l;
	unsigned strings; /* seen in this reply: the key, then id, field, body of each entry */
	uint64_t now;
};

static void on_string(void *ctx, struct str s)
{
	struct reading *x = ctx;
	struct load_totals *t = x->r->t;
	struct body_head h;
	unsigned what = x->strings++ == 0 ? 0 : (x->strings - 2) % 3 + 1;

	if (what == 1 && s.n < sizeof x->l->last) {
		memcpy(x->l->last, s.p, s.n);
		x->l->last[s.n] = 0;
	}
	if (what != 3)
		return;
	if (!body_get(s, x->r->o->body, &h)) {
		t->corrupt++;
		return;
	}
	if (h.run != x->r->run)
		return; /* left by a run before */
	t->reordered += h.number != x->l->seen;
	x->l->seen = h.number + 1;
	t->pushed++;
	hist_add(&t->e2e, x->now - h.time, 1);
}

static void take_answers(struct redis_run *r, struct redis_link *l, uint64_t now)
{
	const char *at = l->in.p, *end = l->in.p + l->in.n, *next;

	while ((next = value_end(at, end, 0, NULL, NULL))) {
		struct reading x = {r, l, 0, now};
		if (l->reads) {
			value_end(at, end, 0, on_string, &x);
			read_more(l);
		} else {
			hist_add(&r->t->ack, now - l->sent_at[l->first], 1);
			l->first = (l->first + 1) % r->o->window;
			l->waiting--;
			r->t->acked++;
			r->t->ended = now;
		}
		at = next;
	}
	bytes_drop(&l->in, (size_t)(at - l->in.p));
	if (!l->reads)
		send_more(r, l);
}

static void on_event(struct redis_run *r, struct redis_link *l, uint32_t events)
{
	if (events & ~(uint32_t)EPOLLOUT) {
		ssize_t got = read(l->fd, bytes_reserve(&l->in, READ_BYTES), READ_BYTES);
		if (got <= 0)
			load_fail("redis closed a connection", got ? strerror(errno) : "");
		l->in.n += (size_t)got;
		take_answers(r, l, bench_now());
	}
	if (load_flush(l->fd, &l->out))
		load_fail("redis", strerror(errno));
	epoll_ctl(r->epoll, EPOLL_CTL_MOD, l->fd,
		&(struct epoll_event){.events = EPOLLIN | (l->out.n ? EPOLLOUT : 0), .data.ptr = l});
}

static void open_links(struct redis_run *r)
{
	unsigned n = r->o->connections;

	for (unsigned i = 0; i < 2 * n; i++) {
		struct redis_link *l = &r->links[i];
		l->user = i % n;
		l->reads = i >= n;
		l->fd = load_connect(r->o);
		l->sent_at = calloc(r->o->window, sizeof *l->sent_at);
		snprintf(l->last, sizeof l->last, "0-0");
		epoll_ctl(r->epoll, EPOLL_CTL_ADD, l->fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = l});
	}
}

/* The readers first. */
static void start_links(struct redis_run *r)
{
	for (unsigned i = 2 * r->o->connections; i-- > 0;) {
		if (r->links[i].reads)
			read_more(&r->links[i]);
		else
			send_more(r, &r->links[i]);
		on_event(r, &r->links[i], EPOLLOUT);
	}
}

/* Is something unanswered, or not yet read by whom it is for? */
static bool waiting(const struct redis_run *r)
{
	for (unsigned i = 0; i < r->o->connections; i++)
		if (r->links[i].waiting)
			return true;
	return r->t->pushed < r->t->acked;
}

int redis_run(const struct load_options *o, struct load_totals *t)
{
	struct redis_run r = {.o = o,
		.t = t,
		.links = calloc(2 * o->connections, sizeof *r.links),
		.epoll = epoll_create1(EPOLL_CLOEXEC)};
	struct epoll_event events[EVENTS];

	if (!r.links || r.epoll < 0 || o->body > 1024)
		load_fail("redis", "out of memory, or a body of more than 1,024 bytes");
	open_links(&r);
	double self = load_self_cpu(), server = load_server_cpu(o->server_pid);
	t->started = bench_now();
	r.run = t->started >> 10 & 0xffff;
	r.stop = t->started + (uint64_t)(o->seconds * 1e9);
	start_links(&r);
	while (bench_now() < r.stop || waiting(&r)) {
		int n = epoll_wait(r.epoll, events, EVENTS, IDLE_MS);
		if (n == 0)
			break;
		for (int i = 0; i < n; i++)
			on_event(&r, events[i].data.ptr, events[i].events);
	}
	t->lost = t->acked > t->pushed ? t->acked - t->pushed : 0;
	t->self_cpu = load_self_cpu() - self;
	t->server_cpu = load_server_cpu(o->server_pid) - server;
	for (unsigned i = 0; i < 2 * o->connections; i++) {
		close(r.links[i].fd);
		free(r.links[i].in.p);
		free(r.links[i].out.p);
		free(r.links[i].sent_at);
	}
	free(r.links);
	close(r.epoll);
	return t->lost || t->reordered || t->corrupt || !t->acked ? -1 : 0;
}
