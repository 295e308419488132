/* Logging in, devices, logging out. */
#include "common/base/clock.h"
#include "common/wire/json.h"
#include "server/api/api.h"
#include "server/ops/metrics.h"
#include <sodium.h>
#include <stdlib.h>

struct credentials {
	struct str user, password, device_name;
};

static void login_work(struct api_call *c)
{
	const struct credentials *l = c->data;
	struct login login;
	char time[CLOCK_TEXT + 1];

	c->err = accounts_login(
		c->api->accounts, l->user, l->password, l->device_name, c->peer, clock_wall_ms(), &login);
	metric_add(c->api->metrics, c->err ? METRIC_LOGINS_FAILED : METRIC_LOGINS, 1);
	if (c->err == ERR_RATE_LIMITED)
		c->retry_ms = 60000;
	if (c->err)
		return;
	clock_format(login.expires_ms, time);
	buf_addf(&c->out, "{\"token\":\"%s\",\"device\":\"%s\",\"user\":", login.token, login.device);
	json_add_string(&c->out, l->user);
	buf_addf(&c->out, ",\"expires_at\":\"%s\"}", time);
	sodium_memzero(&login, sizeof login);
}

void api_sessions_post(struct api_call *c)
{
	static const char *const names[] = {"user", "password", "device_name"};
	struct json_value v[3];
	struct credentials *l = calloc(1, sizeof *l);

	c->data = l;
	c->release = api_free_data;
	if (!l || api_keep_body(c)) {
		api_fail(c, ERR_OVERLOADED, NULL);
		return;
	}
	if (api_object(c, names, v, 3) || api_text(c, "user", &v[0], false, &l->user) ||
		api_text(c, "password", &v[1], false, &l->password) ||
		api_text(c, "device_name", &v[2], true, &l->device_name))
		return;
	if (api_name_fits(c, "device_name", l->device_name) || api_admit(c))
		return;
	/* A name or a password that cannot be right takes the same way and the same time as a wrong one. */
	api_work(c, c->api->hashers, login_work, NULL);
}

static void add_time(struct buf *out, const char *name, uint64_t ms)
{
	char time[CLOCK_TEXT + 1];

	clock_format(ms, time);
	buf_addf(out, ",\"%s\":\"%s\"", name, time);
}

static void devices_work(struct api_call *c)
{
	struct device *d = NULL;
	size_t n;

	c->err = accounts_devices(c->api->accounts, c->session.user, &d, &n);
	buf_addc(&c->out, '[');
	for (size_t i = 0; i < n && !c->err; i++) {
		buf_addf(&c->out, "%s{\"device\":\"%s\",\"device_name\":", i ? "," : "", d[i].device);
		json_add_string(&c->out, str_of(d[i].name));
		buf_adds(&c->out,
			strcmp(d[i].device, c->session.device) == 0 ? ",\"current\":true" : ",\"current\":false");
		add_time(&c->out, "created_at", d[i].created_ms);
		add_time(&c->out, "seen_at", d[i].seen_ms);
		add_time(&c->out, "expires_at", d[i].expires_ms);
		buf_addc(&c->out, '}');
	}
	buf_addc(&c->out, ']');
	free(d);
}

void api_sessions_get(struct api_call *c)
{
	api_work(c, c->api->readers, devices_work, NULL);
}

static void revoke_work(struct api_call *c)
{
	bool current = strcmp(c->param, "current") == 0;

	c->err = accounts_revoke(c->api->accounts, c->session.user, str_of(current ? c->session.device : c->param));
	c->status = 204;
}

void api_sessions_delete(struct api_call *c)
{
	api_work(c, c->api->readers, revoke_work, NULL);
}
