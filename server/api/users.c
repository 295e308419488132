/* Registration, profiles, passwords. */
#include "common/base/clock.h"
#include "common/wire/json.h"
#include "server/api/sight.h"
#include <stdlib.h>

/* What a call carries from the network thread to the pool: texts are the call's copies. */
struct texts {
	struct str user, password, display_name, invite, old_password;
};

static int start_texts(struct api_call *c)
{
	c->data = calloc(1, sizeof(struct texts));
	c->release = api_free_data;
	if (c->data && api_keep_body(c) == 0)
		return 0;
	api_fail(c, ERR_OVERLOADED, NULL);
	return -1;
}

static bool password_fits(struct str p)
{
	return p.n >= PASSWORD_MIN && p.n <= PASSWORD_MAX;
}

static int check_password(struct api_call *c, const char *field, struct str p)
{
	if (password_fits(p))
		return 0;
	api_fail_field(c, ERR_BAD_FIELD, field, "a password has 10 to 1024 bytes");
	return -1;
}

static void register_work(struct api_call *c)
{
	const struct texts *t = c->data;
	struct registration r = {
		.user = t->user,
		.password = t->password,
		.display_name = t->display_name,
		.invite = t->invite,
		.need_invite = strcmp(c->api->config.registration, "invite") == 0,
	};

	c->err = accounts_register(c->api->accounts, &r, clock_wall_ms());
	if (c->err)
		return;
	c->status = 201;
	buf_adds(&c->out, "{\"user\":");
	json_add_string(&c->out, t->user);
	buf_adds(&c->out, ",\"display_name\":");
	json_add_string(&c->out, t->display_name);
	buf_addc(&c->out, '}');
}

void api_users_post(struct api_call *c)
{
	static const char *const names[] = {"user", "password", "display_name", "invite"};
	struct json_value v[4];

	if (strcmp(c->api->config.registration, "closed") == 0) {
		api_fail(c, ERR_REGISTRATION_CLOSED, NULL);
		return;
	}
	if (start_texts(c) || api_object(c, names, v, 4))
		return;
	struct texts *t = c->data;
	if (api_text(c, "user", &v[0], false, &t->user) || api_text(c, "password", &v[1], false, &t->password) ||
		api_text(c, "display_name", &v[2], true, &t->display_name) ||
		api_text(c, "invite", &v[3], true, &t->invite))
		return;
	if (!user_name_ok(t->user)) {
		api_fail_field(c, ERR_BAD_FIELD, "user",
			"a user name is 2 to 32 of a-z 0-9 . _ - and begins with a letter or a digit");
		return;
	}
	if (check_password(c, "password", t->password))
		return;
	if (api_name_fits(c, "display_name", t->display_name) || api_admit(c))
		return;
	api_work(c, c->api->hashers, register_work, NULL);
}

static void profile_work(struct api_call *c)
{
	char name[DISPLAY_BYTES_MAX + 1];
	uint32_t user = accounts_find(c->api->accounts, str_of(c->param));
	struct sighting seen = sight_of(c->api, c->session.user, user);

	c->err = accounts_display_name(c->api->accounts, user, name);
	if (c->err)
		return;
	buf_adds(&c->out, "{\"user\":");
	json_add_string(&c->out, str_of(c->param));
	buf_adds(&c->out, ",\"display_name\":");
	json_add_string(&c->out, str_of(name));
	buf_addc(&c->out, ',');
	sight_write(&c->out, &seen);
	buf_addc(&c->out, '}');
}

void api_users_get(struct api_call *c)
{
	if (accounts_find(c->api->accounts, str_of(c->param)) == 0)
		api_fail(c, ERR_NOT_FOUND, "no such user");
	else
		api_work(c, c->api->readers, profile_work, NULL);
}

static void password_work(struct api_call *c)
{
	const struct texts *t = c->data;

	c->err = accounts_password(c->api->accounts, &c->session, t->old_password, t->password);
	c->status = 204;
}

void api_password_put(struct api_call *c)
{
	static const char *const names[] = {"old", "new"};
	struct json_value v[2];

	if (start_texts(c) || api_object(c, names, v, 2))
		return;
	struct texts *t = c->data;
	if (api_text(c, "old", &v[0], false, &t->old_password) || api_text(c, "new", &v[1], false, &t->password))
		return;
	if (check_password(c, "new", t->password) || api_admit(c))
		return;
	api_work(c, c->api->hashers, password_work, NULL);
}
