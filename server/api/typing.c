#include "common/base/clock.h"
#include "server/api/watch.h"
#include <stdlib.h>

/* Said twice a second on the average, five times at once. */
enum { EVERY_US = 500000, BURST_US = 5 * EVERY_US };

struct typing_post {
	struct net_msg msg;
	int kind;
	uint32_t from, n;
	conn_ref to[];
};

/* When the next one is due if they came evenly; too far ahead of now is too often (the generic cell rate algorithm, ITU-T I.371). */
static bool too_often(struct socket *k)
{
	uint64_t now = clock_mono_us(), due = k->typing_due_us > now ? k->typing_due_us : now;

	if (due + EVERY_US > now + BURST_US)
		return true;
	k->typing_due_us = due + EVERY_US;
	return false;
}

static void post(struct socket *k, unsigned thread, const conn_ref all[], unsigned n)
{
	struct typing_post *p = malloc(sizeof *p + n * sizeof p->to[0]);

	if (!p)
		return;
	p->kind = API_POST_TYPING;
	p->from = k->who.user;
	p->n = 0;
	for (unsigned i = 0; i < n; i++)
		if (conn_ref_thread(all[i]) == thread)
			p->to[p->n++] = all[i];
	if (p->n)
		net_post(k->t->api->net, thread, &p->msg);
	else
		free(p);
}

void typing_say(struct socket *k, uint32_t to)
{
	struct accounts *a = k->t->api->accounts;
	conn_ref all[PRESENCE_PER_USER];

	if (to == k->who.user || too_often(k) || accounts_blocks(a, to, k->who.user, NULL) ||
		accounts_blocks(a, k->who.user, to, NULL) || atomic_load(&k->t->api->draining))
		return;
	unsigned n = presence_find(k->t->api->presence, to, all);
	for (unsigned thread = 0; n && thread < net_threads(k->t->api->net); thread++)
		post(k, thread, all, n);
}

/* Nobody waits for it: a socket that has much to take already, or is about to be welcomed, is passed over. */
static void hear(struct socket *k, uint32_t from)
{
	if (k->s.state == SESSION_NEW || k->s.state == SESSION_ASKING || k->closing ||
		k->s.out.len > SESSION_EVENTS_TIGHT)
		return;
	struct buf *b = session_begin(&k->s);
	buf_adds(b, "{\"ev\":\"typing\",\"from\":\"");
	buf_addstr(b, accounts_name(k->t->api->accounts, from));
	buf_adds(b, "\"}");
	session_end(&k->s);
	socket_stir(k);
}

void typing_posted(struct api_thread *t, struct net_msg *m)
{
	struct typing_post *p = (struct typing_post *)m;

	for (uint32_t i = 0; i < p->n; i++) {
		struct conn *c = net_conn(t->net, p->to[i]);
		struct socket *k = c && conn_is_ws(c) ? conn_data(c) : NULL;
		if (k)
			hear(k, p->from);
	}
	free(p);
}
