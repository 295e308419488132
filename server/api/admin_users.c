/* Operators' work on accounts and invites. */
#include "common/base/clock.h"
#include "server/api/admin.h"
#include "server/api/query.h"
#include "server/api/watch.h"
#include <stdlib.h>

enum { USES_MAX = 1000000, LIFE_MAX_S = 366 * 86400, LIFE_S = 7 * 86400, RATE_MAX = 1000000 };

/* What a call carries to the pool. */
struct change {
	uint32_t user;
	struct str name, password, display_name;
	struct send_limits limits;
	bool locked;
	int64_t uses, life_s;
};

/* With the user that the path names. NULL: refused, the call has ended. */
static struct change *change_of_user(struct api_call *c)
{
	if (admin_data(c, sizeof(struct change)))
		return NULL;
	struct change *x = c->data;
	x->user = accounts_find(c->api->accounts, str_of(c->param));
	if (x->user)
		return x;
	api_fail(c, ERR_NOT_FOUND, "No such user");
	return NULL;
}

/* Lists. */

struct listing {
	struct str prefix, after;
	uint64_t limit;
};

static void add_row(struct api_call *c, const struct account *u)
{
	buf_addf(&c->out, "{\"user\":\"%s\",\"display_name\":", u->name);
	json_add_string(&c->out, str_of(u->display_name));
	admin_time(&c->out, "created_at", u->created_ms);
	buf_addf(&c->out, ",\"locked\":%s,\"bench\":%s,\"sessions\":%u,\"online\":%s}", u->locked ? "true" : "false",
		u->bench ? "true" : "false", u->sessions,
		presence_online(c->api->presence, u->number) ? "true" : "false");
}

static void users_work(struct api_call *c)
{
	const struct listing *l = c->data;
	struct account *list = NULL;
	unsigned n = 0;

	/* One more tells whether there are more. */
	c->err = accounts_page(c->api->accounts, l->prefix, l->after, (unsigned)l->limit + 1, &list, &n);
	bool more = n > l->limit;
	if (more)
		n--;
	buf_addc(&c->out, '[');
	for (unsigned i = 0; i < n; i++) {
		if (i)
			buf_addc(&c->out, ',');
		add_row(c, &list[i]);
	}
	buf_addc(&c->out, ']');
	if (more && n)
		api_header(c, "Chat-Next-Cursor", list[n - 1].name);
	free(list);
}

void admin_users_get(struct api_call *c)
{
	static const char *const names[] = {"prefix", "after", "limit"};
	struct str q[3];

	if (admin_data(c, sizeof(struct listing)))
		return;
	struct listing *l = c->data;
	l->limit = 100;
	if (query_read(c->query, names, q, 3) || (q[2].p && query_uint(q[2], 1, ACCOUNTS_PAGE_MAX, &l->limit))) {
		c->limit = ACCOUNTS_PAGE_MAX;
		api_fail_field(
			c, ERR_BAD_QUERY, "limit", "A whole number from 1 to the limit is wanted, each parameter once");
		return;
	}
	l->prefix = q[0];
	l->after = q[1];
	api_work(c, c->api->readers, users_work, NULL);
}

/* One account. */

static void add_work(struct api_call *c)
{
	const struct change *x = c->data;
	struct registration r = {.user = x->name, .password = x->password, .display_name = x->display_name};

	c->err = accounts_register(c->api->accounts, &r, clock_wall_ms());
	c->status = 201;
	buf_adds(&c->out, "{\"user\":");
	json_add_string(&c->out, x->name);
	buf_adds(&c->out, ",\"display_name\":");
	json_add_string(&c->out, x->display_name);
	buf_addc(&c->out, '}');
}

static int take_password(struct api_call *c, const struct json_value *v, struct str *out)
{
	if (api_text(c, "password", v, false, out))
		return -1;
	if (out->n >= PASSWORD_MIN && out->n <= PASSWORD_MAX)
		return 0;
	api_fail_field(c, ERR_BAD_FIELD, "password", "a password has 10 to 1024 bytes");
	return -1;
}

void admin_users_post(struct api_call *c)
{
	static const char *const names[] = {"user", "password", "display_name"};
	struct json_value v[3];

	if (admin_data(c, sizeof(struct change)) || api_object(c, names, v, 3))
		return;
	struct change *x = c->data;
	if (api_text(c, "user", &v[0], false, &x->name) || take_password(c, &v[1], &x->password) ||
		api_text(c, "display_name", &v[2], true, &x->display_name) ||
		api_name_fits(c, "display_name", x->display_name))
		return;
	if (!user_name_ok(x->name)) {
		api_fail_field(c, ERR_BAD_FIELD, "user",
			"a user name is 2 to 32 of a-z 0-9 . _ - and begins with a letter or a digit");
		return;
	}
	api_work(c, c->api->hashers, add_work, NULL);
}

static void password_work(struct api_call *c)
{
	const struct change *x = c->data;

	c->err = accounts_password_reset(c->api->accounts, x->user, x->password);
	c->status = 204;
	if (c->err == ERR_FORBIDDEN)
		c->detail = "An account for load tests has no password";
}

void admin_password_put(struct api_call *c)
{
	static const char *const names[] = {"password"};
	struct json_value v;
	struct change *x = change_of_user(c);

	if (x && !api_object(c, names, &v, 1) && !take_password(c, &v, &x->password))
		api_work(c, c->api->hashers, password_work, NULL);
}

static void lock_work(struct api_call *c)
{
	const struct change *x = c->data;

	c->err = accounts_lock(c->api->accounts, x->user, x->locked);
	c->status = 204;
}

void admin_lock_put(struct api_call *c)
{
	static const char *const names[] = {"locked"};
	struct json_value v;
	struct change *x = change_of_user(c);

	if (!x || api_object(c, names, &v, 1))
		return;
	if (json_bool(&v, &x->locked))
		api_fail_field(c, ERR_BAD_FIELD, "locked", "true or false is wanted");
	else
		api_work(c, c->api->readers, lock_work, NULL);
}

static void limits_work(struct api_call *c)
{
	const struct change *x = c->data;

	c->err = accounts_limits_set(c->api->accounts, x->user, &x->limits);
	struct send_limits l = accounts_limits(c->api->accounts, x->user);
	buf_addf(&c->out, "{\"sends_per_s\":%u,\"burst\":%u,\"own\":%s}", l.per_s, l.burst, l.own ? "true" : "false");
}

/* Null, or absent: `fallback`, which is what the configuration says. */
static int take_limit(struct api_call *c, const char *name, struct json_value *v, unsigned fallback, unsigned *out)
{
	int64_t n;

	if (v->type == JSON_NULL)
		v->type = JSON_NONE;
	if (admin_number(c, name, v, 0, RATE_MAX, fallback, &n))
		return -1;
	*out = (unsigned)n;
	return 0;
}

void admin_limits_put(struct api_call *c)
{
	static const char *const names[] = {"sends_per_s", "burst"};
	struct json_value v[2];
	struct change *x = change_of_user(c);

	if (!x || api_object(c, names, v, 2))
		return;
	struct send_limits usual = accounts_limits(c->api->accounts, 0);
	if (take_limit(c, "sends_per_s", &v[0], usual.per_s, &x->limits.per_s) ||
		take_limit(c, "burst", &v[1], usual.burst, &x->limits.burst))
		return;
	if (x->limits.burst == 0)
		x->limits.burst = x->limits.per_s;
	x->limits.own = v[0].type != JSON_NONE || v[1].type != JSON_NONE;
	api_work(c, c->api->readers, limits_work, NULL);
}

static void remove_work(struct api_call *c)
{
	const struct change *x = c->data;

	c->err = accounts_remove(c->api->accounts, x->user, clock_wall_ms());
	c->status = 204;
}

void admin_user_delete(struct api_call *c)
{
	if (change_of_user(c))
		api_work(c, c->api->readers, remove_work, NULL);
}

/* Invites. */

static void add_invite(void *ctx, const struct invite *i)
{
	struct buf *b = ctx;

	buf_addf(b, "%s{\"id\":\"%s\",\"uses_left\":%u", b->len > 1 ? "," : "", i->id, i->uses_left);
	admin_time(b, "created_at", i->created_ms);
	admin_time(b, "expires_at", i->expires_ms);
	buf_addc(b, '}');
}

static void invites_work(struct api_call *c)
{
	buf_addc(&c->out, '[');
	c->err = accounts_invites(c->api->accounts, add_invite, &c->out);
	buf_addc(&c->out, ']');
}

void admin_invites_get(struct api_call *c)
{
	api_work(c, c->api->readers, invites_work, NULL);
}

static void invite_work(struct api_call *c)
{
	const struct change *x = c->data;
	char code[INVITE_TEXT + 1];
	struct invite i;

	c->err = accounts_invite(
		c->api->accounts, clock_wall_ms(), (unsigned)x->uses, (uint64_t)x->life_s * 1000, &i, code);
	c->status = 201;
	buf_addf(&c->out, "{\"id\":\"%s\",\"invite\":\"%s\",\"uses\":%u", i.id, code, i.uses_left);
	admin_time(&c->out, "expires_at", i.expires_ms);
	buf_addc(&c->out, '}');
}

void admin_invites_post(struct api_call *c)
{
	static const char *const names[] = {"uses", "expires_s"};
	struct json_value v[2];

	if (admin_data(c, sizeof(struct change)) || api_object(c, names, v, 2))
		return;
	struct change *x = c->data;
	if (admin_number(c, "uses", &v[0], 1, USES_MAX, 1, &x->uses) ||
		admin_number(c, "expires_s", &v[1], 1, LIFE_MAX_S, LIFE_S, &x->life_s))
		return;
	api_work(c, c->api->readers, invite_work, NULL);
}

static void revoke_work(struct api_call *c)
{
	c->err = accounts_invite_drop(c->api->accounts, str_of(c->param));
	c->status = 204;
}

void admin_invite_delete(struct api_call *c)
{
	api_work(c, c->api->readers, revoke_work, NULL);
}
