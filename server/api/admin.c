/* The operators' interface: the server as a whole. What takes a file, a lock or SQLite runs in the pool of readers. */
#include "server/api/admin.h"
#include "common/base/clock.h"
#include "server/api/gauges.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int admin_number(struct api_call *c, const char *name, const struct json_value *v, int64_t min, int64_t max,
	int64_t fallback, int64_t *out)
{
	*out = fallback;
	if (v->type == JSON_NONE || json_int(v, min, max, out) == 0)
		return 0;
	c->limit = (uint64_t)max;
	api_fail_field(c, ERR_BAD_FIELD, name, "A whole number within the limits is wanted");
	return -1;
}

void admin_time(struct buf *out, const char *name, uint64_t wall_ms)
{
	char time[CLOCK_TEXT + 1];

	clock_format(wall_ms, time);
	buf_addf(out, ",\"%s\":\"%s\"", name, time);
}

int admin_data(struct api_call *c, size_t n)
{
	c->data = calloc(1, n);
	c->release = api_free_data;
	if (c->data)
		return 0;
	api_fail(c, ERR_OVERLOADED, NULL);
	return -1;
}

void admin_explain(struct api_call *c)
{
	free(c->data);
	c->release = api_free_data;
	c->data = strndup(c->out.data ? c->out.data : "", c->out.len);
	c->detail = c->data;
	buf_reset(&c->out);
}

static void info_work(struct api_call *c)
{
	struct api *a = c->api;

	buf_addf(&c->out, "{\"version\":\"%s\",\"state\":\"%s\",\"threads\":%u,\"users\":%u,\"sessions\":%u",
		CHAT_VERSION,
		atomic_load(&a->draining) ? "draining"
		: queue_ready(a->queue)   ? "serving"
					  : "no-space",
		net_threads(a->net), accounts_users_count(a->accounts), accounts_sessions_count(a->accounts));
	buf_addf(&c->out, ",\"connections\":%u,\"registration\":\"%s\",", net_connections(a->net),
		a->config.registration);
	a->control.info(a->control.ctx, &c->out);
	buf_addc(&c->out, '}');
}

void admin_info_get(struct api_call *c)
{
	api_work(c, c->api->readers, info_work, NULL);
}

static void config_work(struct api_call *c)
{
	c->api->control.config(c->api->control.ctx, &c->out);
}

void admin_config_get(struct api_call *c)
{
	api_work(c, c->api->readers, config_work, NULL);
}

void admin_stats_get(struct api_call *c)
{
	char time[CLOCK_TEXT + 1];

	clock_format(clock_wall_ms(), time);
	buf_addf(&c->out, "{\"at\":\"%s\",\"uptime_s\":%" PRIu64 ",", time,
		(clock_mono_us() - c->api->started_us) / 1000000);
	metrics_write_json(c->api->metrics, &c->out);
	buf_addc(&c->out, ',');
	gauges_write_json(c->api, &c->out);
	buf_addc(&c->out, '}');
	api_reply(c, 200);
}

void admin_drain_post(struct api_call *c)
{
	struct api_control control = c->api->control;

	buf_adds(&c->out, "{\"state\":\"draining\"}");
	api_reply(c, 202);
	control.drain(control.ctx);
}

static void reload_work(struct api_call *c)
{
	c->err = c->api->control.reload(c->api->control.ctx, &c->out);
	if (c->err != ERR_OK)
		admin_explain(c);
}

void admin_reload_post(struct api_call *c)
{
	api_work(c, c->api->readers, reload_work, NULL);
}

static void backup_work(struct api_call *c)
{
	c->err = c->api->control.backup(c->api->control.ctx, c->data, &c->out);
	if (c->err != ERR_OK)
		admin_explain(c);
}

void admin_backup_post(struct api_call *c)
{
	static const char *const names[] = {"to"};
	struct json_value v;
	struct str to;

	if (api_object(c, names, &v, 1) || api_text(c, "to", &v, false, &to) || admin_data(c, to.n + 1))
		return;
	memcpy(c->data, to.p, to.n);
	api_work(c, c->api->readers, backup_work, NULL);
}
