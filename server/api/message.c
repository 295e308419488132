/* GET, PATCH and PUT /messages/{id}. */
#include "server/api/sight.h"
#include "server/api/thread.h"
#include "server/rules/mark.h"
#include <stdlib.h>

/* One message on its way: looked up, perhaps marked, shown. */
struct one {
	struct place at;
	uint32_t sender, ordinal;
	bool mark;   /* is to be marked as read first */
	bool marked; /* the queue has said so */
	const struct writer *w;
};

static void show(struct api_call *c, const struct one *o, struct page *page)
{
	const struct stored *m = &page->items[0];

	sight_hide(c->api, c->session.user, page);
	write_message(&c->out, o->w, &m->rec, m->delivered_ms, m->read_ms);
	mark_shown(c->api, c->session.user, page);
}

static enum err look(struct api_call *c, struct one *o, struct page *page)
{
	int rc = store_get(c->api->store, o->at, page);

	if (rc < 0)
		return store_failure();
	if (rc == 0 || !message_visible(c->session.user, page->items[0].rec.actor, page->items[0].rec.peer))
		return ERR_NOT_FOUND;
	const struct record *r = &page->items[0].rec;
	o->sender = r->actor;
	o->ordinal = r->ordinal;
	return o->mark ? mark_check(c->session.user, r->actor, r->peer) : ERR_OK;
}

/* Shows the message, but for one that has to be marked first: then out stays empty. */
static void work(struct api_call *c)
{
	struct one *o = c->data;
	struct page page;

	page_init(&page);
	c->err = look(c, o, &page);
	if (c->err == ERR_OK && (!o->mark || o->marked || page.items[0].read_ms))
		show(c, o, &page);
	page_release(&page);
}

static void on_outcome(struct api_call *c, const struct outcome *out)
{
	struct one *o = c->data;

	if (out->err != ERR_OK) {
		api_fail(c, out->err, NULL);
		return;
	}
	o->marked = true;
	api_work(c, c->api->readers, work, NULL);
}

static void looked_up(struct api_call *c)
{
	struct one *o = c->data;
	struct op_batch *b;
	struct op *op;

	if (c->err != ERR_OK) {
		api_fail(c, c->err, c->detail);
		return;
	}
	if (c->out.len || c->out.failed) {
		api_reply(c, 200);
		return;
	}
	b = thread_batch(call_thread(c));
	op = b ? op_batch_add(b) : NULL;
	if (!op) {
		api_fail(c, ERR_OVERLOADED, NULL);
		return;
	}
	op->type = OP_READ;
	op->actor = c->session.user;
	op->peer = o->sender;
	op->origin = c->conn;
	op->target = o->at;
	op->ordinal = o->ordinal;
	c->outcome = on_outcome;
	api_park(c);
}

static void start(struct api_call *c, bool mark)
{
	struct one *o = calloc(1, sizeof *o);

	if (!o) {
		api_fail(c, ERR_OVERLOADED, NULL);
		return;
	}
	c->data = o;
	c->release = api_free_data;
	o->mark = mark;
	o->w = &call_thread(c)->writer;
	if (id_parse(c->api->token_key, str_of(c->param), c->session.user, &o->at))
		api_fail(c, ERR_NOT_FOUND, NULL);
	else
		api_work(c, c->api->readers, work, looked_up);
}

void api_message_get(struct api_call *c)
{
	start(c, false);
}

void api_message_mark(struct api_call *c)
{
	static const char *const names[] = {"read"};
	struct json_value v[1];
	bool read;

	if (api_object(c, names, v, 1))
		return;
	if (json_bool(&v[0], &read) || !read)
		api_fail_field(c, ERR_BAD_FIELD, "read", "true is wanted");
	else
		start(c, true);
}
