#include "cli/messages.h"
#include "common/client/stream.h"
#include "common/msg.h"
#include <stdio.h>

static int on_welcome(void *ctx, const char *ev, const cJSON *event)
{
	struct cli *c = ctx;
	const cJSON *user = cJSON_GetObjectItemCaseSensitive(event, "user");
	const cJSON *device = cJSON_GetObjectItemCaseSensitive(event, "device");

	if (strcmp(ev, "welcome") != 0)
		return 0;
	if (cJSON_IsString(user) && user_name_ok(str_of(user->valuestring)))
		snprintf(c->profile.user, sizeof c->profile.user, "%s", user->valuestring);
	if (cJSON_IsString(device))
		snprintf(c->profile.device, sizeof c->profile.device, "%s", device->valuestring);
	return 1;
}

/* A token from CHAT_TOKEN_FILE does not say whose it is; the greeting on a socket does. */
static int ask_who(struct cli *c)
{
	struct stream_handler h = {.event = on_welcome, .ctx = c};
	struct stream *s = stream_new(c->profile.url, c->profile.token, c->profile.cacert, NULL, &h);

	if (!s)
		return cli_fail(EXIT_FAILED, "out of memory");
	stream_pin(s, c->profile.pin);
	enum stream_end end = stream_run(s, c->deadline_us, c->retries + 1);
	int code = stream_close_code(s), rc = EXIT_DONE;
	if (end == STREAM_TIMEOUT)
		rc = cli_fail(EXIT_TIMEOUT, "no answer from %s within the time (--timeout)", c->profile.url);
	else if (end == STREAM_REFUSED)
		rc = cli_fail(
			code == 401 || code == 4401 ? EXIT_AUTH : EXIT_FAILED, "%s: %s", c->profile.url, stream_why(s));
	else if (end == STREAM_FAILED || !c->profile.user[0])
		rc = cli_fail(EXIT_NETWORK, "%s: %s", c->profile.url, stream_why(s));
	stream_free(s);
	return rc;
}

static int exec_whoami(struct cli *c)
{
	static const char *const columns[] = {"user", "display_name", "url", "context", "device", NULL};
	struct http_answer a;
	struct out out;
	char path[64];
	int rc = c->profile.user[0] ? EXIT_DONE : ask_who(c);

	if (rc)
		return rc;
	snprintf(path, sizeof path, "/users/%s", c->profile.user);
	rc = cli_request(c, "GET", path, NULL, true, false, &a);
	cJSON *me = rc == EXIT_DONE ? answer_json(&a, false) : NULL;
	if (me) {
		cJSON_AddStringToObject(me, "url", c->profile.url);
		cJSON_AddStringToObject(me, "context", c->profile.name);
		cJSON_AddStringToObject(me, "device", c->profile.device);
		out_begin(&out, c, columns, true);
		rc = out_item(&out, me) || out_end(&out) ? cli_fail(EXIT_FAILED, "cannot write to stdout") : EXIT_DONE;
	} else if (rc == EXIT_DONE) {
		rc = EXIT_FAILED;
	}
	cJSON_Delete(me);
	http_answer_release(&a);
	return rc;
}

const struct verb verb_whoami = {
	.name = "whoami",
	.args = "",
	.summary = "show who is logged in, and where",
	.fields = "user display_name online last_seen url context device",
	.text = "Asks the server, so that exit 0 also says that the login is good.",
	.examples = "chatctl whoami -o json",
	.need = NEED_LOGIN,
	.timeout_default_s = 30,
	.exec = exec_whoami,
};
