#include "cli/admin.h"
#include "cli/messages.h"
#include "common/msg.h"
#include <stdio.h>

static int kick_one(struct cli *c, const char *id)
{
	char path[128], would[128];

	if (!token_text_ok(str_of(id)))
		return cli_fail(EXIT_USAGE, "\"%.70s\" is no connection; see: chatctl conns", id);
	snprintf(path, sizeof path, "/admin/conns/%s", id);
	snprintf(would, sizeof would, "close the connection %s", id);
	return admin_change(c, "DELETE", path, NULL, would, NULL);
}

static int kick_user(struct cli *c, const char *user)
{
	char path[128], would[128];
	cJSON *o;
	int rc = admin_user(user);

	if (rc)
		return rc;
	snprintf(path, sizeof path, "/admin/users/%s/conns", user);
	snprintf(would, sizeof would, "close the connections of %s", user);
	rc = admin_change(c, "DELETE", path, NULL, would, &o);
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(o, "closed");
	if (cJSON_IsNumber(n) && c->mode != OUT_TEXT) {
		static const char *const columns[] = {"closed", NULL};
		struct out out;
		out_begin(&out, c, columns, true);
		(void)out_item(&out, o);
		rc = out_end(&out) ? cli_fail(EXIT_FAILED, "cannot write to stdout") : rc;
	} else if (cJSON_IsNumber(n)) {
		cli_note(c, "%d closed", n->valueint);
	}
	cJSON_Delete(o);
	return rc;
}

static int exec_kick(struct cli *c)
{
	const char *user = cli_option(c, "user");

	if (user ? c->n_args != 0 : c->n_args == 0)
		return cli_fail(EXIT_USAGE, "usage: chatctl kick ID... | --user USER");
	return user ? kick_user(c, user) : each_arg(c, kick_one);
}

static const struct cli_option options[] = {
	ADMIN_OPTIONS,
	{"user", 0, "USER", "all connections of this user", COMPLETE_NONE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_kick = {
	.name = "kick",
	.args = "ID...|--user USER",
	.summary = "close connections of a chatd: for operators",
	.text = "Closes the connections with these ids, as conns shows them, or those of a user. Nothing is lost: "
		"clients come back and go on where they were. To keep somebody out: chatctl user lock. Where an ID "
		"begins with -, write -- before it.",
	.examples =
		"chatctl kick --user bob\nchatctl conns --sort lag --limit 1 -o jsonl | jq -r .id | xargs chatctl kick",
	.options = options,
	.max_args = ARGS_MAX,
	.need = NEED_CONTEXT,
	.timeout_default_s = 30,
	.exec = exec_kick,
};
