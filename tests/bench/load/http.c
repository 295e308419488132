/* The HTTP scenarios, and the accounts that all scenarios need. */
#include "tests/bench/load/load.h"
#include <errno.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { READ_MAX = 256 * 1024, EVENTS_MAX = 256 };

struct link {
	int fd;
	unsigned index;
	struct bytes in, out;
	bool busy;
};

void http_request(struct bytes *out, const char *path, const char *token, struct slice body)
{
	char head[512];

	int n = snprintf(head, sizeof head,
		"POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: "
		"%zu\r\n%s%s%s\r\n",
		path, body.n, token ? "Authorization: Bearer " : "", token ? token : "", token ? "\r\n" : "");
	bytes_add(out, head, (size_t)n);
	bytes_add(out, body.p, body.n);
}

/* The answer at the beginning of in: its bytes, or 0 when it is not whole. */
static size_t answer_read(const struct bytes *in, unsigned *status, struct slice *body)
{
	const char *end = in->n ? memmem(in->p, in->n, "\r\n\r\n", 4) : NULL;
	const char *line = in->p;

	body->n = 0;
	if (!end)
		return 0;
	*status = (unsigned)atoi(in->p + 9);
	body->p = end + 4;
	while ((line = memchr(line, '\n', (size_t)(end - line))) && ++line < end)
		if (strncasecmp(line, "content-length:", 15) == 0)
			body->n = (size_t)strtoull(line + 15, NULL, 10);
	size_t all = (size_t)(body->p - in->p) + body->n;
	return all <= in->n ? all : 0;
}

static void link_next(struct link *l, const struct http_job *job, unsigned *busy)
{
	bool more = job->next(job->ctx, l->index, &l->out);

	*busy += more;
	*busy -= l->busy;
	l->busy = more;
}

static void link_flush(int epoll, struct link *l)
{
	if (load_flush(l->fd, &l->out))
		load_fail("a connection broke", strerror(errno));
	struct epoll_event e = {.events = EPOLLIN | (l->out.n ? EPOLLOUT : 0), .data.ptr = l};
	if (l->out.n)
		epoll_ctl(epoll, EPOLL_CTL_MOD, l->fd, &e);
}

static void link_read(struct link *l, const struct http_job *job, unsigned *busy)
{
	struct slice body;
	unsigned status;
	size_t n;
	ssize_t got = read(l->fd, bytes_reserve(&l->in, READ_MAX), READ_MAX);

	if (got <= 0)
		load_fail("a connection ended", got ? strerror(errno) : "by the server");
	l->in.n += (size_t)got;
	while (l->busy && (n = answer_read(&l->in, &status, &body))) {
		job->answer(job->ctx, l->index, status, body);
		bytes_drop(&l->in, n);
		link_next(l, job, busy);
	}
}

static void links_close(struct link *links, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		close(links[i].fd);
		free(links[i].in.p);
		free(links[i].out.p);
	}
	free(links);
}

void http_drive(const struct load_options *o, const struct http_job *job)
{
	struct link *links = calloc(o->connections, sizeof *links);
	struct epoll_event events[EVENTS_MAX];
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	unsigned busy = 0;

	if (!links || epoll < 0)
		abort();
	for (unsigned i = 0; i < o->connections; i++) {
		links[i].index = i;
		links[i].fd = load_connect(o);
		epoll_ctl(epoll, EPOLL_CTL_ADD, links[i].fd,
			&(struct epoll_event){.events = EPOLLIN, .data.ptr = &links[i]});
		link_next(&links[i], job, &busy);
		link_flush(epoll, &links[i]);
	}
	while (busy) {
		int n = epoll_wait(epoll, events, EVENTS_MAX, 10000);
		if (n == 0)
			load_fail("http", "no answer for ten seconds");
		for (int i = 0; i < n; i++) {
			struct link *l = events[i].data.ptr;
			if (events[i].events & ~(unsigned)EPOLLOUT)
				link_read(l, job, &busy);
			link_flush(epoll, l);
		}
	}
	links_close(links, o->connections);
	close(epoll);
}

/* Messages by POST: connection i is user i, and writes to the user after it. */
struct post {
	const struct load_options *o;
	const struct load_users *users;
	struct load_totals *t;
	uint64_t run, stop, number;
	uint64_t *sent_at; /* by connection, ns */
	struct bytes body;
};

static bool post_next(void *ctx, unsigned connection, struct bytes *out)
{
	struct post *p = ctx;
	unsigned n = p->o->window;
	const struct load_user *from = &p->users->list[connection % p->users->n],
			       *to = &p->users->list[(connection + 1) % p->users->n];
	struct body_head h = {p->run, connection, 0, bench_now()};

	if (h.time >= p->stop || (p->o->messages && p->number >= p->o->messages))
		return false;
	p->sent_at[connection] = h.time;
	p->body.n = 0;
	for (unsigned i = 0; i < n; i++) {
		h.number = p->number++;
		bytes_adds(&p->body, n == 1 ? "" : i ? "," : "[");
		bytes_adds(&p->body, "{\"to\":\"");
		bytes_adds(&p->body, to->name);
		bytes_adds(&p->body, "\",\"body\":\"");
		body_put(bytes_reserve(&p->body, p->o->body), p->o->body, &h);
		p->body.n += p->o->body;
		bytes_adds(&p->body, "\"}");
	}
	if (n > 1)
		bytes_adds(&p->body, "]");
	http_request(out, "/messages", from->token, (struct slice){p->body.p, p->body.n});
	return true;
}

static void post_answer(void *ctx, unsigned connection, unsigned status, struct slice body)
{
	struct post *p = ctx;
	const char *at = body.p, *end = body.p + body.n;
	uint64_t now = bench_now(), acked = 0;
	struct item it;

	while (body.n && item_next(&at, end, &it)) {
		acked += status == 200 && it.id.n && it.code.n == 0;
		if (it.code.n && !p->t->refusal[0])
			snprintf(p->t->refusal, sizeof p->t->refusal, "%.*s", (int)it.code.n, it.code.p);
	}
	hist_add(&p->t->ack, now - p->sent_at[connection], acked);
	p->t->acked += acked;
	p->t->refused += p->o->window - acked;
	p->t->ended = now;
	if (p->t->refused > 1000)
		p->stop = 0;
}

int http_run(const struct load_options *o, const struct load_users *users, struct load_totals *t)
{
	struct post p = {.o = o, .users = users, .t = t, .sent_at = calloc(o->connections, sizeof *p.sent_at)};
	struct http_job job = {post_next, post_answer, &p};
	double self = load_self_cpu(), server = load_server_cpu(o->server_pid);

	if (!p.sent_at)
		abort();
	t->started = bench_now();
	p.run = t->started >> 10 & 0xffff;
	p.stop = t->started + (uint64_t)(o->seconds * 1e9);
	http_drive(o, &job);
	t->self_cpu = load_self_cpu() - self;
	t->server_cpu = load_server_cpu(o->server_pid) - server;
	free(p.sent_at);
	free(p.body.p);
	return t->refused || !t->acked ? -1 : 0;
}

/* Accounts, a few at a time so that the queue for hashing never fills. */
struct creation {
	unsigned n, next;
	struct load_user *users; /* token empty: not logged in */
	unsigned *of;            /* by connection: the account under way */
	bool *known;             /* by account: registered */
};
enum { CREATE_CONNECTIONS = 16 };

static bool create_next(void *ctx, unsigned connection, struct bytes *out)
{
	struct creation *c = ctx;
	unsigned i = c->of[connection];
	char body[200];

	if (i == UINT32_MAX || c->users[i].token[0]) {
		if (c->next == c->n)
			return false;
		i = c->of[connection] = c->next++;
	}
	int n = snprintf(body, sizeof body, "{\"user\":\"%s\",\"password\":\"bench password\"}", c->users[i].name);
	http_request(out, c->known[i] ? "/sessions" : "/users", NULL, (struct slice){body, (size_t)n});
	return true;
}

static void create_answer(void *ctx, unsigned connection, unsigned status, struct slice body)
{
	struct creation *c = ctx;
	unsigned i = c->of[connection];
	const char *at = body.p;
	struct item it;

	if (status == 503)
		return;
	if (!c->known[i] && (status == 201 || status == 409))
		c->known[i] = true;
	else if (status == 200 && item_next(&at, body.p + body.n, &it) && it.token.n &&
		 it.token.n < sizeof c->users[i].token)
		memcpy(c->users[i].token, it.token.p, it.token.n);
	else {
		fprintf(stderr, "load: %s: %u %.*s\n", c->users[i].name, status, (int)body.n, body.p);
		exit(1);
	}
}

int users_create(const struct load_options *o, unsigned n)
{
	struct creation c = {.n = n, .users = calloc(n, sizeof *c.users), .known = calloc(n, sizeof *c.known)};
	struct load_options few = *o;
	struct http_job job = {create_next, create_answer, &c};
	unsigned of[CREATE_CONNECTIONS];
	FILE *f = o->tokens ? fopen(o->tokens, "we") : NULL;

	if (!f || !c.users || !c.known)
		load_fail("--tokens", "a file that can be written is needed");
	for (unsigned i = 0; i < n; i++)
		snprintf(c.users[i].name, sizeof c.users[i].name, "bench%05u", i);
	memset(of, 0xff, sizeof of);
	c.of = of;
	few.connections = n < CREATE_CONNECTIONS ? n : CREATE_CONNECTIONS;
	http_drive(&few, &job);
	for (unsigned i = 0; i < n; i++)
		fprintf(f, "%s %s\n", c.users[i].name, c.users[i].token);
	free(c.users);
	free(c.known);
	return fclose(f);
}
