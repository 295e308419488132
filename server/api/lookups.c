#include "common/base/array.h"
#include "server/api/socket.h"
#include "server/rules/mark.h"
#include <stdlib.h>

struct lookups {
	struct net_msg msg;
	int kind;
	struct job job;
	struct api *api;
	unsigned thread;
	uint32_t n, cap;
	struct lookup *item;
};

int lookup_add(struct api_thread *t, const struct lookup *l)
{
	if (!t->lookups)
		t->lookups = calloc(1, sizeof *t->lookups);
	struct lookups *all = t->lookups;
	if (!all)
		return -1;
	struct lookup *p = array_room(all->item, all->n, &all->cap, sizeof *p, 16);
	if (!p)
		return -1;
	all->item = p;
	all->item[all->n++] = *l;
	return 0;
}

uint32_t lookups_count(const struct api_thread *t)
{
	return t->lookups ? t->lookups->n : 0;
}

void lookups_cut(struct socket *k, uint32_t n)
{
	for (; lookups_count(k->t) > n; k->t->lookups->n--) {
		k->lookups--;
		socket_unanswered(k, -1);
	}
}

static enum err look_up(struct api *a, struct lookup *l)
{
	struct page page;
	enum err e = ERR_OK;

	page_init(&page);
	int rc = store_get(a->store, l->at, &page);
	if (rc < 0)
		e = store_failure();
	else if (rc == 0)
		e = ERR_NOT_FOUND;
	if (rc == 1) {
		const struct record *r = &page.items[0].rec;
		l->sender = r->actor;
		l->ordinal = r->ordinal;
		e = mark_check(l->user, r->actor, r->peer);
		if (e == ERR_OK && l->with && l->with != r->actor)
			e = ERR_NOT_FOUND;
	}
	page_release(&page);
	return e;
}

static void run(struct job *j)
{
	struct lookups *all = (struct lookups *)((char *)j - offsetof(struct lookups, job));

	for (uint32_t i = 0; i < all->n; i++)
		all->item[i].err = look_up(all->api, &all->item[i]);
	net_post(all->api->net, all->thread, &all->msg);
}

/* Hands the mark to the queue, whose outcome answers it; or says why not. */
static void go_on(struct api_thread *t, struct socket *k, const struct lookup *l)
{
	struct op_batch *b = thread_batch(t);
	struct op *op = l->err == ERR_OK && b ? op_batch_add(b) : NULL;

	k->lookups--;
	if (!op) {
		socket_err(k, l->ref, l->err == ERR_OK ? ERR_OVERLOADED : l->err, NULL, NULL);
		socket_unanswered(k, -1);
		return;
	}
	op->type = OP_READ;
	op->flags = l->up_to ? RECORD_UP_TO : 0;
	op->actor = l->user;
	op->peer = l->sender;
	op->origin = l->to;
	op->token = l->ref < 0 ? 0 : (uint64_t)l->ref;
	op->index = l->ref >= 0;
	op->target = l->at;
	op->ordinal = l->ordinal;
}

static void finish(struct api_thread *t, struct lookups *all)
{
	for (uint32_t i = 0; i < all->n; i++) {
		struct conn *c = net_conn(t->net, all->item[i].to);
		struct socket *k = c ? conn_data(c) : NULL;
		if (k)
			go_on(t, k, &all->item[i]);
	}
	free(all->item);
	free(all);
}

void lookups_returned(struct api_thread *t, struct net_msg *m)
{
	finish(t, (struct lookups *)m);
}

void lookups_turn_end(struct api_thread *t)
{
	struct lookups *all = t->lookups;

	if (!all)
		return;
	t->lookups = NULL;
	all->kind = API_POST_LOOKUPS;
	all->job = (struct job){.run = run};
	all->api = t->api;
	all->thread = net_thread_index(t->net);
	if (pool_submit(t->api->readers, &all->job) == 0)
		return;
	for (uint32_t i = 0; i < all->n; i++)
		all->item[i].err = ERR_OVERLOADED;
	finish(t, all);
}
