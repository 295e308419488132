/* logout and whoami. */
#include "cli/out.h"
#include <stdio.h>

static int exec_logout(struct cli *c)
{
	struct http_answer a;
	char why[256];

	if (c->dry_run) {
		printf("would log out %s\n", c->profile.user);
		return EXIT_DONE;
	}
	int rc = cli_request(c, "DELETE", "/sessions/current", NULL, true, true, &a);
	/* A token that is no longer good is as gone as it can be. */
	if (rc && a.status != 401) {
		rc = a.status ? cli_answer(&a, false) : cli_fail(rc, "%s: %s", c->profile.url, a.why);
	} else {
		c->profile.token[0] = c->profile.device[0] = 0;
		rc = profile_save(&c->profile, why) ? cli_fail(EXIT_FAILED, "%s", why) : EXIT_DONE;
	}
	http_answer_release(&a);
	return rc;
}

static int exec_whoami(struct cli *c)
{
	static const char *const columns[] = {"user", "display_name", "url", "context", "device", NULL};
	struct http_answer a;
	struct out out;
	char path[64];

	snprintf(path, sizeof path, "/users/%s", c->profile.user);
	int rc = cli_request(c, "GET", path, NULL, true, false, &a);
	cJSON *me = rc == EXIT_DONE ? cJSON_Parse(a.body.data) : NULL;
	if (me) {
		cJSON_AddStringToObject(me, "url", c->profile.url);
		cJSON_AddStringToObject(me, "context", c->profile.name);
		cJSON_AddStringToObject(me, "device", c->profile.device);
		out_begin(&out, c, columns, true);
		rc = out_item(&out, me) || out_end(&out) ? EXIT_FAILED : EXIT_DONE;
	}
	cJSON_Delete(me);
	http_answer_release(&a);
	return rc;
}

const struct verb verb_logout = {
	.name = "logout",
	.args = "",
	.summary = "end this login",
	.text = "Ends the session on the server and forgets the token; the context stays.",
	.examples = "chatctl -c alice logout",
	.need = NEED_LOGIN,
	.timeout_default_s = 30,
	.exec = exec_logout,
};

const struct verb verb_whoami = {
	.name = "whoami",
	.args = "",
	.summary = "show who is logged in, and where",
	.text = "Asks the server, so that exit 0 also says that the login is good.",
	.examples = "chatctl whoami -o json",
	.need = NEED_LOGIN,
	.timeout_default_s = 30,
	.exec = exec_whoami,
};
