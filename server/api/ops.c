/* What can be asked without a token: who this is, how it is, what it counts, what it promises. */
#include "common/wire/json.h"
#include "server/api/gauges.h"
#include "server/api/thread.h"
#include "server/ops/metrics.h"

void api_root_get(struct api_call *c)
{
	buf_addf(&c->out,
		"{\"name\":\"chatd\",\"version\":\"%s\",\"api_version\":1,\"registration\":\"%s\",\"limits\":",
		CHAT_VERSION, c->api->config.registration);
	api_limits(&c->out, &c->api->config);
	buf_addc(&c->out, '}');
	api_reply(c, 200);
}

void api_healthz_get(struct api_call *c)
{
	buf_adds(&c->out, "{\"status\":\"ok\"}");
	api_reply(c, 200);
}

void api_readyz_get(struct api_call *c)
{
	if (c->api->draining)
		api_fail(c, ERR_DRAINING, NULL);
	else if (!c->api->ready || !queue_ready(c->api->queue))
		api_fail(c, ERR_UNAVAILABLE, NULL);
	else
		api_healthz_get(c);
}

void api_metrics_get(struct api_call *c)
{
	metrics_write(c->api->metrics, &c->out);
	gauges_write(c->api, &c->out);
	c->content_type = "text/plain; version=0.0.4; charset=utf-8";
	api_reply(c, 200);
}

/* doc/openapi.json, as it was when this was built. */
__asm__(".section .rodata\n"
	".global openapi_begin\nopenapi_begin:\n.incbin \"doc/openapi.json\"\n"
	".global openapi_end\nopenapi_end:\n.byte 0\n"
	".previous\n");
extern const char openapi_begin[], openapi_end[];

void api_openapi_get(struct api_call *c)
{
	buf_add(&c->out, openapi_begin, (size_t)(openapi_end - openapi_begin));
	api_reply(c, 200);
}
