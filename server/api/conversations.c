/* Conversations: the list of them, their messages both ways, and marking one as read up to a message. */
#include "server/api/query.h"
#include "server/api/sight.h"
#include "server/api/thread.h"
#include "server/rules/mark.h"
#include <stdlib.h>

enum param { Q_LIMIT, Q_AFTER, Q_BEFORE, PARAMS };
static const char *const param_names[PARAMS] = {"limit", "after", "before"};

/* What a call of this file carries. */
struct talk {
	uint32_t with, limit;
	struct place at;  /* list: after; history: before or after; reading: up to */
	bool forward;     /* history: after */
	uint32_t ordinal; /* reading: the message's */
	const struct writer *w;
};

static struct talk *talk_new(struct api_call *c)
{
	struct talk *t = calloc(1, sizeof *t);

	if (!t) {
		api_fail(c, ERR_OVERLOADED, NULL);
		return NULL;
	}
	t->w = &((struct api_thread *)net_thread_data(c->thread))->writer;
	c->data = t;
	c->release = api_free_data;
	return t;
}

/* The peer that the path names. 0; -1: there is no such user, the call has ended. */
static int take_peer(struct api_call *c, struct talk *t)
{
	t->with = accounts_find_any(c->api->accounts, str_of(c->param));
	if (t->with)
		return 0;
	api_fail(c, ERR_NOT_FOUND, "No such user");
	return -1;
}

/* Reads the query: limit into t, the rest as it stands. 0; -1: refused, the call has ended. */
static int take_query(struct api_call *c, struct talk *t, struct str q[PARAMS])
{
	uint64_t limit = PAGE_DEFAULT < c->api->config.page_max ? PAGE_DEFAULT : c->api->config.page_max;

	if (query_read(c->query, param_names, q, PARAMS)) {
		api_fail(c, ERR_BAD_QUERY, "A parameter stands twice or is badly encoded");
		return -1;
	}
	if (q[Q_LIMIT].p && query_uint(q[Q_LIMIT], 1, c->api->config.page_max, &limit)) {
		c->limit = c->api->config.page_max;
		api_fail_field(c, ERR_BAD_QUERY, "limit", "A whole number from 1 to the limit is wanted");
		return -1;
	}
	t->limit = (uint32_t)limit;
	return 0;
}

static void add_id(struct api_call *c, const char *name, struct place at, uint32_t from, uint32_t to)
{
	char id[ID_TEXT];

	buf_addf(&c->out, ",\"%s\":", name);
	if (at.pos == 0) {
		buf_adds(&c->out, "null");
		return;
	}
	id_format(c->api->token_key, at, from, to, id);
	buf_addc(&c->out, '"');
	buf_add(&c->out, id, ID_TEXT);
	buf_addc(&c->out, '"');
}

static void add_conversation(
	struct api_call *c, const struct talk *t, const struct conversation *v, const struct stored *last)
{
	const struct place none = {0, 0};
	uint32_t me = c->session.user;

	buf_adds(&c->out, "{\"with\":");
	json_add_string(&c->out, accounts_name(c->api->accounts, v->with));
	buf_adds(&c->out, ",\"last\":");
	write_message(&c->out, t->w, &last->rec, last->delivered_ms, last->read_ms);
	buf_adds(&c->out, ",\"unread\":");
	buf_addu(&c->out, v->unread);
	add_id(c, "read_up_to", v->read_up_to, v->with, me);
	bool hidden = sight_receipts_hidden(c->api, me, v->with);
	add_id(c, "peer_read_up_to", hidden ? none : v->peer_read_up_to, me, v->with);
	add_id(c, "peer_delivered_up_to", hidden ? none : v->peer_delivered_up_to, me, v->with);
	buf_addc(&c->out, '}');
}

static void list_work(struct api_call *c)
{
	struct talk *t = c->data;
	uint32_t me = c->session.user;
	struct conversation *list = calloc(t->limit, sizeof *list);
	char cursor[CURSOR_TEXT + 1];
	struct page page;

	page_init(&page);
	if (!list)
		c->err = ERR_OVERLOADED;
	else if (store_conversations(c->api->store, me, t->at, t->limit, list, &page))
		c->err = ERR_INTERNAL;
	sight_hide(c->api, me, &page);
	buf_addc(&c->out, '[');
	for (uint32_t i = 0; c->err == ERR_OK && i < page.n; i++) {
		if (i)
			buf_addc(&c->out, ',');
		add_conversation(c, t, &list[i], &page.items[i]);
	}
	buf_addc(&c->out, ']');
	if (c->err == ERR_OK && page.more) {
		cursor_format(c->api->token_key, page.items[page.n - 1].rec.at, me, cursor);
		cursor[CURSOR_TEXT] = 0;
		api_header(c, "Chat-Next-Cursor", cursor);
		buf_addf(&c->headers, "Link: </conversations?limit=%u&after=%s>; rel=\"next\"\r\n", t->limit, cursor);
	}
	if (c->err == ERR_OK)
		mark_shown(c->api, me, &page);
	page_release(&page);
	free(list);
}

void api_conversations_get(struct api_call *c)
{
	struct talk *t = talk_new(c);
	struct str q[PARAMS];

	if (!t || take_query(c, t, q))
		return;
	if (q[Q_AFTER].p && cursor_parse(c->api->token_key, q[Q_AFTER], c->session.user, &t->at))
		api_fail_field(c, ERR_BAD_CURSOR, "after", NULL);
	else
		api_work(c, c->api->readers, list_work, NULL);
}

static void add_next(struct api_call *c, const struct talk *t, const struct record *last)
{
	char id[ID_TEXT + 1];

	id_format(c->api->token_key, last->at, last->actor, last->peer, id);
	id[ID_TEXT] = 0;
	api_header(c, "Chat-Next-Cursor", id);
	buf_addf(&c->headers, "Link: </conversations/%s/messages?limit=%u&%s=%s>; rel=\"next\"\r\n", c->param, t->limit,
		t->forward ? "after" : "before", id);
}

static void history_work(struct api_call *c)
{
	struct talk *t = c->data;
	struct history_query q = {c->session.user, t->with, t->at, t->forward, t->limit};
	enum stream_answer answer;
	struct page page;

	page_init(&page);
	if (store_history(c->api->store, &q, &answer, &page)) {
		c->err = ERR_INTERNAL;
	} else if (answer == STREAM_UNKNOWN) {
		c->err = ERR_BAD_CURSOR;
		c->field = t->forward ? "after" : "before";
	} else {
		sight_hide(c->api, c->session.user, &page);
		buf_addc(&c->out, '[');
		for (uint32_t i = 0; i < page.n; i++) {
			const struct stored *m = &page.items[i];
			if (i)
				buf_addc(&c->out, ',');
			write_message(&c->out, t->w, &m->rec, m->delivered_ms, m->read_ms);
		}
		buf_addc(&c->out, ']');
		if (page.more)
			add_next(c, t, &page.items[page.n - 1].rec);
		mark_shown(c->api, c->session.user, &page);
	}
	page_release(&page);
}

void api_history_get(struct api_call *c)
{
	struct talk *t = talk_new(c);
	struct str q[PARAMS];

	if (!t || take_peer(c, t) || take_query(c, t, q))
		return;
	if (q[Q_AFTER].p && q[Q_BEFORE].p) {
		api_fail_field(c, ERR_BAD_QUERY, "after", "Either before or after");
		return;
	}
	t->forward = q[Q_AFTER].p;
	struct str id = t->forward ? q[Q_AFTER] : q[Q_BEFORE];
	if (id.p && id_parse(c->api->token_key, id, c->session.user, &t->at))
		api_fail_field(c, ERR_BAD_CURSOR, t->forward ? "after" : "before", NULL);
	else
		api_work(c, c->api->readers, history_work, NULL);
}

static bool between(const struct record *r, uint32_t a, uint32_t b)
{
	return (r->actor == a && r->peer == b) || (r->actor == b && r->peer == a);
}

static void look_up(struct api_call *c)
{
	struct talk *t = c->data;
	struct page page;

	page_init(&page);
	int rc = store_get(c->api->store, t->at, &page);
	const struct record *r = rc == 1 ? &page.items[0].rec : NULL;
	if (!r || !between(r, c->session.user, t->with))
		c->err = rc < 0 ? ERR_INTERNAL : ERR_NOT_FOUND;
	else
		c->err = mark_check(c->session.user, r->actor, r->peer);
	if (c->err == ERR_NOT_FOUND)
		c->field = "up_to";
	t->ordinal = r ? r->ordinal : 0;
	page_release(&page);
}

static void on_outcome(struct api_call *c, const struct outcome *o)
{
	if (o->err != ERR_OK) {
		api_fail(c, o->err, NULL);
		return;
	}
	buf_addf(&c->out, "{\"unread\":%u}", o->unread);
	api_reply(c, 200);
}

static void looked_up(struct api_call *c)
{
	struct talk *t = c->data;

	if (c->err != ERR_OK) {
		api_fail(c, c->err, NULL);
		return;
	}
	struct op_batch *b = thread_batch(call_thread(c));
	struct op *op = b ? op_batch_add(b) : NULL;
	if (!op) {
		api_fail(c, ERR_OVERLOADED, NULL);
		return;
	}
	op->type = OP_READ;
	op->flags = RECORD_UP_TO;
	op->actor = c->session.user;
	op->peer = t->with;
	op->origin = c->conn;
	op->target = t->at;
	op->ordinal = t->ordinal;
	c->outcome = on_outcome;
	api_park(c);
}

void api_conversation_read(struct api_call *c)
{
	static const char *const names[] = {"up_to"};
	struct talk *t = talk_new(c);
	struct json_value v[1];
	struct str id;

	if (!t || take_peer(c, t) || api_object(c, names, v, 1) || api_text(c, "up_to", &v[0], false, &id))
		return;
	if (id_parse(c->api->token_key, id, c->session.user, &t->at))
		api_fail_field(c, ERR_NOT_FOUND, "up_to", NULL);
	else
		api_work(c, c->api->readers, look_up, looked_up);
}
