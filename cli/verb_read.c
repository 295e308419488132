#include "cli/local.h"
#include "cli/messages.h"
#include <stdio.h>

static struct out out;

static int show(struct cli *c, const cJSON *m)
{
	const cJSON *body = cJSON_GetObjectItemCaseSensitive(m, "body");

	if (c->mode_given || c->format)
		return out_item(&out, m) ? EXIT_FAILED : EXIT_DONE;
	out_text(c, str_of(cJSON_IsString(body) ? body->valuestring : ""), false);
	putchar('\n');
	return EXIT_DONE;
}

static int mark(struct cli *c, const char *id)
{
	if (!c->dry_run)
		return message_mark(c, id);
	printf("would mark %s\n", id);
	return EXIT_DONE;
}

static int read_one(struct cli *c, const char *typed)
{
	struct http_answer a;
	char id[65], path[128];
	int rc = message_id(c, typed, id);

	if (rc)
		return rc;
	snprintf(path, sizeof path, "/messages/%s", id);
	rc = cli_request(c, "GET", path, NULL, true, false, &a);
	cJSON *m = rc == EXIT_DONE ? answer_json(&a, false) : NULL;
	if (rc == EXIT_DONE)
		rc = m ? show(c, m) : EXIT_FAILED;
	if (m)
		local_keep(c, m);
	cJSON_Delete(m);
	http_answer_release(&a);
	if (rc == EXIT_DONE && cli_switch(c, "mark"))
		rc = mark(c, id);
	return rc;
}

static int exec_read(struct cli *c)
{
	bool rows = c->mode_given || c->format;

	if (rows)
		out_begin(&out, c, message_columns, c->n_args == 1);
	int rc = each_arg(c, read_one);
	if (rows ? out_end(&out) : out_flush())
		return cli_fail(EXIT_FAILED, "cannot write to stdout");
	return rc;
}

static const struct cli_option options[] = {
	{"mark", 0, NULL, "mark what was shown as read", COMPLETE_NONE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_read = {
	.name = "read",
	.args = "ID…",
	.summary = "show messages by their ids",
	.text = "Shows the text of each message; marks it as read only when asked. An id may be given in part: any 6 "
		"or more characters of it that fit only one unread message.",
	.examples = "chatctl read mPq7Zt1c\nchatctl read --mark mPq7Zt1c\nchatctl read -o json mPq7Zt1c",
	.options = options,
	.min_args = 1,
	.max_args = ARGS_MAX,
	.need = NEED_LOGIN,
	.timeout_default_s = 30,
	.exec = exec_read,
};
