/* The HTTP scenarios, and the accounts that all scenarios need: connection i is a lane of cli/bench/rest.h, with one request under way. */
#include "cli/bench/rest.h"
#include "tests/bench/load/load.h"

static void on_down(void *ctx, const char *why, bool busy)
{
	(void)ctx;
	(void)busy;
	load_fail("a connection broke", why);
}

static void drive(struct net *n, struct rest *r)
{
	uint64_t answered = n->now;

	for (uint64_t before = rest_waiting(r); before; before = rest_waiting(r)) {
		uint64_t in = n->bytes_in;
		net_turn(n, 100000000);
		if (n->bytes_in != in)
			answered = n->now;
		else if (n->now - answered > 10000000000u)
			load_fail("http", "no answer for ten seconds");
	}
}

/* Messages by POST: connection i is user i, and writes to the user after it. */
struct post {
	const struct load_options *o;
	const struct load_users *users;
	struct load_totals *t;
	struct net net;
	struct rest *rest;
	uint64_t run, stop, number;
	struct bytes body;
};

static void post_next(struct post *p, unsigned connection)
{
	struct rest_call c = {.user = connection};

	if (p->net.now >= p->stop || (p->o->messages && p->number >= p->o->messages))
		return;
	p->number += p->o->window;
	if (!rest_queue(p->rest, connection, &c))
		abort();
}

static void post_put(void *ctx, struct rest_call *c, struct bytes *out)
{
	struct post *p = ctx;
	unsigned n = p->o->window;
	uint64_t user = p->o->spread ? p->number / n : c->user;
	const struct load_user *from = &p->users->list[user % p->users->n],
			       *to = &p->users->list[(user + 1) % p->users->n];
	struct body_head h = {p->run, c->user, p->number, p->net.now};

	p->body.n = 0;
	for (unsigned i = 0; i < n; i++, h.number++) {
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
	rest_put(out, &p->net, "POST", "/messages", from->token, (struct str){p->body.p, p->body.n});
}

static void post_answer(void *ctx, struct rest_call *c, const struct rest_answer *a)
{
	struct post *p = ctx;
	const char *at = a->body.p, *end = a->body.p + a->body.n;
	uint64_t acked = 0;
	struct item it;

	while (a->body.n && item_next(&at, end, &it)) {
		acked += a->status == 200 && it.id.n && it.code.n == 0;
		if (it.code.n && !p->t->refusal[0])
			snprintf(p->t->refusal, sizeof p->t->refusal, "%.*s", (int)it.code.n, it.code.p);
	}
	p->t->ended = p->net.now;
	hist_add(&p->t->ack, p->t->ended - c->written, acked);
	p->t->acked += acked;
	p->t->refused += p->o->window - acked;
	if (p->t->refused > 1000)
		p->stop = 0;
	post_next(p, c->user);
}

int http_run(const struct load_options *o, const struct load_users *users, struct load_totals *t)
{
	struct post p = {.o = o, .users = users, .t = t};
	struct rest_handler h = {post_put, post_answer, on_down, &p};
	double self = load_self_cpu(), server = load_server_cpu(o->server_pid);

	load_net(o, &p.net);
	p.rest = rest_new(&p.net, &h, o->connections);
	t->started = p.net.now;
	p.run = t->started >> 10 & 0xffff;
	p.stop = t->started + (uint64_t)(o->seconds * 1e9);
	for (unsigned i = 0; i < o->connections; i++)
		post_next(&p, i);
	drive(&p.net, p.rest);
	t->self_cpu = load_self_cpu() - self;
	t->server_cpu = load_server_cpu(o->server_pid) - server;
	rest_free(p.rest);
	net_release(&p.net);
	free(p.body.p);
	return t->refused || !t->acked ? -1 : 0;
}

/* Accounts, a few at a time so that the queue for hashing never fills. */
struct creation {
	struct net net;
	struct rest *rest;
	struct load_user *users;
};
enum { CREATE_CONNECTIONS = 16, REGISTER = 0, LOGIN };

static void create_put(void *ctx, struct rest_call *c, struct bytes *out)
{
	struct creation *all = ctx;
	char body[200];
	int n = snprintf(
		body, sizeof body, "{\"user\":\"%s\",\"password\":\"bench password\"}", all->users[c->user].name);

	rest_put(
		out, &all->net, "POST", c->kind == LOGIN ? "/sessions" : "/users", NULL, (struct str){body, (size_t)n});
}

static void create_answer(void *ctx, struct rest_call *c, const struct rest_answer *a)
{
	struct creation *all = ctx;
	struct load_user *u = &all->users[c->user];
	const char *at = a->body.p;
	struct rest_call again = {.user = c->user, .kind = c->kind};
	struct item it;

	if (c->kind == REGISTER && (a->status == 201 || a->status == 409))
		again.kind = LOGIN;
	else if (a->status == 200 && item_next(&at, a->body.p + a->body.n, &it) && it.token.n &&
		 it.token.n < sizeof u->token) {
		memcpy(u->token, it.token.p, it.token.n);
		return;
	} else if (a->status != 503)
		load_fail(u->name, "cannot be created");
	if (!rest_queue(all->rest, c->user, &again))
		abort();
}

int users_create(const struct load_options *o, unsigned n)
{
	struct creation c = {.users = calloc(n, sizeof *c.users)};
	struct rest_handler h = {create_put, create_answer, on_down, &c};
	FILE *f = o->tokens ? fopen(o->tokens, "we") : NULL;

	if (!f || !c.users)
		load_fail("--tokens", "a file that can be written is needed");
	load_net(o, &c.net);
	c.rest = rest_new(&c.net, &h, CREATE_CONNECTIONS);
	for (unsigned i = 0; i < n; i++) {
		snprintf(c.users[i].name, sizeof c.users[i].name, "bench%05u", i);
		if (!rest_queue(c.rest, i, &(struct rest_call){.user = i}))
			abort();
	}
	drive(&c.net, c.rest);
	for (unsigned i = 0; i < n; i++)
		fprintf(f, "%s %s\n", c.users[i].name, c.users[i].token);
	free(c.users);
	rest_free(c.rest);
	net_release(&c.net);
	return fclose(f);
}
