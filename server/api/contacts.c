/* Contacts and blocks. */
#include "common/base/clock.h"
#include "server/api/watch.h"
#include <stdlib.h>

/* What a call carries to the pool. */
struct change {
	uint32_t other;
	struct str alias;
	bool changed; /* who may see whom */
};

/* Also when the connection went first: those who watch are told whether they still see her. */
static void release(struct api_call *c)
{
	const struct change *x = c->data;

	if (x && x->changed)
		presence_changed(net_thread_data(c->thread), c->session.user);
	free(c->data);
}

/* The user that the path names; NULL: refused, the call has ended. */
static struct change *change_new(struct api_call *c)
{
	struct change *x = calloc(1, sizeof *x);

	c->data = x;
	c->release = release;
	if (!x) {
		api_fail(c, ERR_OVERLOADED, NULL);
		return NULL;
	}
	x->other = accounts_find(c->api->accounts, str_of(c->param));
	if (x->other)
		return x;
	api_fail(c, ERR_NOT_FOUND, "No such user");
	return NULL;
}

static void explain(struct api_call *c)
{
	if (c->err != ERR_FORBIDDEN)
		return;
	c->limit = RELATIONS_MAX;
	c->detail = "The list is full";
}

static void add_contact(void *ctx, struct str name, struct str alias)
{
	struct buf *b = ctx;

	buf_adds(b, b->len > 1 ? ",{\"user\":" : "{\"user\":");
	json_add_string(b, name);
	buf_adds(b, ",\"alias\":");
	if (alias.p)
		json_add_string(b, alias);
	else
		buf_adds(b, "null");
	buf_addc(b, '}');
}

static void add_blocked(void *ctx, struct str name, struct str alias)
{
	struct buf *b = ctx;

	(void)alias;
	buf_adds(b, b->len > 1 ? ",{\"user\":" : "{\"user\":");
	json_add_string(b, name);
	buf_addc(b, '}');
}

static void contacts_work(struct api_call *c)
{
	buf_addc(&c->out, '[');
	c->err = accounts_contacts(c->api->accounts, c->session.user, add_contact, &c->out);
	buf_addc(&c->out, ']');
}

static void blocks_work(struct api_call *c)
{
	buf_addc(&c->out, '[');
	c->err = accounts_blocked(c->api->accounts, c->session.user, add_blocked, &c->out);
	buf_addc(&c->out, ']');
}

void api_contacts_get(struct api_call *c)
{
	api_work(c, c->api->readers, contacts_work, NULL);
}

void api_blocks_get(struct api_call *c)
{
	api_work(c, c->api->readers, blocks_work, NULL);
}

static void contact_work(struct api_call *c)
{
	struct change *x = c->data;

	c->err = accounts_contact_put(c->api->accounts, c->session.user, x->other, x->alias);
	explain(c);
	if (c->err == ERR_OK)
		add_contact(&c->out, str_of(c->param), x->alias);
	x->changed = c->err == ERR_OK;
}

void api_contact_put(struct api_call *c)
{
	static const char *const names[] = {"alias"};
	struct change *x = change_new(c);
	struct json_value v[1];

	if (!x || api_object(c, names, v, 1) || api_text(c, "alias", &v[0], true, &x->alias))
		return;
	if (utf8_chars(x->alias) > c->api->config.name_chars_max) {
		c->limit = c->api->config.name_chars_max;
		api_fail_field(c, ERR_BAD_FIELD, "alias", "Too many characters");
		return;
	}
	api_work(c, c->api->hashers, contact_work, NULL);
}

static void contact_drop_work(struct api_call *c)
{
	struct change *x = c->data;

	c->err = accounts_contact_drop(c->api->accounts, c->session.user, x->other);
	c->status = 204;
	x->changed = c->err == ERR_OK;
}

void api_contact_delete(struct api_call *c)
{
	if (change_new(c))
		api_work(c, c->api->hashers, contact_drop_work, NULL);
}

static void block_work(struct api_call *c)
{
	struct change *x = c->data;

	c->err = accounts_block(c->api->accounts, c->session.user, x->other, clock_wall_ms());
	explain(c);
	if (c->err == ERR_OK)
		add_blocked(&c->out, str_of(c->param), (struct str){NULL, 0});
	x->changed = c->err == ERR_OK;
}

void api_block_put(struct api_call *c)
{
	static const char *const names[] = {"user"};
	struct change *x = change_new(c);
	struct json_value v[1];

	if (!x || api_object(c, names, v, 1))
		return;
	if (x->other == c->session.user)
		api_fail(c, ERR_BAD_REQUEST, "Nobody can block herself");
	else
		api_work(c, c->api->hashers, block_work, NULL);
}

static void unblock_work(struct api_call *c)
{
	struct change *x = c->data;

	c->err = accounts_unblock(c->api->accounts, c->session.user, x->other);
	c->status = 204;
	x->changed = c->err == ERR_OK;
}

void api_block_delete(struct api_call *c)
{
	if (change_new(c))
		api_work(c, c->api->hashers, unblock_work, NULL);
}
