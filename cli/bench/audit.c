/* Reading history back: each pair's conversation by pages of 500, the newest first, over several connections. The body of a page is scanned and given to the
 * ledger; nothing is kept, so memory does not grow with the number of messages. */
#include "cli/bench/drive.h"
#include "common/wire/json.h"

enum { AUDIT_LANES = 8, AUDIT_TRIES = 5 };
#define PATIENCE_NS UINT64_C(30000000000) /* without any answer */

struct audit {
	struct drive *d;
	struct rest *rest;
	uint32_t next; /* pair */
	uint64_t failed, pages, messages;
	struct bytes scratch;
};

static bool is_used(const struct drive *d, uint32_t pair)
{
	return d->used[pair / 8] >> pair % 8 & 1;
}

/* Begins the next conversation; false: there is none. */
static bool begin_next(struct audit *a)
{
	uint32_t pairs = scenario_pairs(a->d->s);
	struct rest_call c = {0};

	for (; a->next < pairs; a->next++) {
		if (!is_used(a->d, a->next)) {
			ledger_history_whole(a->d->ledger, a->next);
			continue;
		}
		c.a = a->next;
		c.user = pair_sender(a->d->pairs, a->next);
		snprintf(c.target, sizeof c.target, "/conversations/%s/messages?limit=500",
			a->d->people->list[pair_recipient(a->d->pairs, a->next)].name);
		a->next++;
		return rest_queue(a->rest, UINT32_MAX, &c);
	}
	return false;
}

static void put(void *ctx, struct rest_call *c, struct bytes *out)
{
	struct audit *a = ctx;

	rest_put(out, &a->d->net, "GET", c->target, a->d->people->list[c->user].token, (struct str){0});
}

static void take_page(struct audit *a, uint32_t pair, struct str body)
{
	struct str from = str_of(a->d->people->list[pair_sender(a->d->pairs, pair)].name);
	const char *p = body.p, *end = body.p + body.n;
	struct item it;

	while (item_next(&p, end, &it)) {
		struct json_value v = {.type = JSON_STRING, .escaped = true, .raw = it.body};
		if (!it.body.p || !str_eq(it.from, from))
			continue; /* the other direction has its own turn */
		if (memchr(it.body.p, '\\', it.body.n))
			it.body = json_text(&v, bytes_reserve(&a->scratch, it.body.n));
		ledger_history(a->d->ledger, a->d->payload->run, pair, it.id, it.body);
		a->messages++;
	}
}

static void answer(void *ctx, struct rest_call *c, const struct rest_answer *r)
{
	struct audit *a = ctx;
	struct rest_call more = *c;

	more.again = false;
	more.written = 0;
	a->pages++;
	if (r->status == 200)
		take_page(a, c->a, r->body);
	if (r->status == 200 && rest_next(r, more.target)) {
		more.b = 0;
		(void)rest_queue(a->rest, UINT32_MAX, &more);
		return;
	}
	if (r->status != 200 && r->status != 404 && ++more.b < AUDIT_TRIES) {
		(void)rest_queue(a->rest, UINT32_MAX, &more);
		return;
	}
	/* 404: a conversation that does not exist, so none of its messages does. */
	if (r->status == 200 || r->status == 404)
		ledger_history_whole(a->d->ledger, c->a);
	else
		a->failed++;
	begin_next(a);
}

static void down(void *ctx, const char *why, bool busy)
{
	struct audit *a = ctx;

	(void)busy;
	drive_trouble(a->d, why);
}

int audit_run(struct drive *d)
{
	struct audit a = {.d = d};
	struct rest_handler h = {put, answer, down, &a};
	uint64_t heard = d->net.now, pages = 0;
	struct progress_now p = {.phase = "reading history"};

	a.rest = rest_new(&d->net, &h, AUDIT_LANES);
	for (unsigned i = 0; i < AUDIT_LANES; i++)
		if (!begin_next(&a))
			break;
	while (rest_waiting(a.rest) && d->net.now - heard < PATIENCE_NS && drive_interrupted < 2) {
		net_turn(&d->net, 20000000);
		rest_tend(a.rest);
		if (a.pages != pages)
			heard = d->net.now;
		pages = a.pages;
		p.done = (double)a.next / scenario_pairs(d->s);
		if (progress_due(&d->progress, d->net.now))
			progress_show(&d->progress, d->net.now, &p);
	}
	a.failed += rest_waiting(a.rest);
	rest_free(a.rest);
	free(a.scratch.p);
	return a.failed ? -1 : 0;
}
