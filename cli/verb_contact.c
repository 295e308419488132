#include "cli/messages.h"
#include "common/msg.h"
#include "common/wire/json.h"
#include <stdio.h>
#include <stdlib.h>

/* The array at path. NULL after a message, *rc says why. */
static cJSON *get_list(struct cli *c, const char *path, int *rc)
{
	struct http_answer a;

	*rc = cli_request(c, "GET", path, NULL, true, false, &a);
	cJSON *list = *rc == EXIT_DONE ? answer_json(&a, true) : NULL;
	if (*rc == EXIT_DONE && !list)
		*rc = EXIT_FAILED;
	http_answer_release(&a);
	return list;
}

static int list(struct cli *c)
{
	static const char *const contacts[] = {"user", "alias", NULL}, *const blocked[] = {"user", NULL};
	bool blocks = cli_switch(c, "blocked");
	struct out out;
	int rc;
	cJSON *all = get_list(c, blocks ? "/blocks" : "/contacts", &rc), *u;

	if (!all)
		return rc;
	out_begin(&out, c, blocks ? blocked : contacts, false);
	cJSON_ArrayForEach(u, all)
	{
		if (out_item(&out, u))
			break;
	}
	cJSON_Delete(all);
	if (out_end(&out))
		return cli_fail(EXIT_FAILED, "cannot write to stdout");
	return out.n == 0 && cli_switch(c, "empty") ? EXIT_NOTHING : EXIT_DONE;
}

/* What the server answers is shown to those who ask for a format. */
static int show_answer(struct cli *c, const struct http_answer *a)
{
	static const char *const columns[] = {"user", "alias", NULL};
	cJSON *o = answer_json(a, false);
	struct out out;

	if (!o)
		return EXIT_FAILED;
	out_begin(&out, c, columns, true);
	(void)out_item(&out, o);
	cJSON_Delete(o);
	return out_end(&out) ? cli_fail(EXIT_FAILED, "cannot write to stdout") : EXIT_DONE;
}

/* A call about the user that was named; would: what -n says of it. */
static int change(struct cli *c, const char *method, const char *list_path, const char *body, const char *would)
{
	struct http_answer a;
	char path[128];
	struct str text = str_of(body ? body : "");

	if (c->dry_run) {
		printf("would %s %s\n", would, c->args[1]);
		return EXIT_DONE;
	}
	snprintf(path, sizeof path, "%s/%s", list_path, c->args[1]);
	cli_restart_clock(c);
	int rc = cli_request(c, method, path, body ? &text : NULL, true, false, &a);
	if (rc == EXIT_DONE && c->mode_given && a.status != 204)
		rc = show_answer(c, &a);
	http_answer_release(&a);
	return rc;
}

static int put_alias(struct cli *c, const char *would)
{
	const char *name = c->n_args > 2 && c->args[2][0] ? c->args[2] : NULL;
	if (name && !utf8_ok(str_of(name)))
		return cli_fail(EXIT_USAGE, "the name is not UTF-8");
	cJSON *o = cJSON_CreateObject();
	if (name)
		cJSON_AddStringToObject(o, "alias", name);
	char *body = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	int rc = body ? change(c, "PUT", "/contacts", body, would) : cli_fail(EXIT_FAILED, "out of memory");
	free(body);
	return rc;
}

static int add(struct cli *c)
{
	bool known = false;
	int rc;

	if (c->n_args > 2)
		return put_alias(c, "add");
	/* To put a contact without an alias takes away the one that she has. */
	cJSON *all = get_list(c, "/contacts", &rc), *u;
	cJSON_ArrayForEach(u, all)
	{
		const cJSON *name = cJSON_GetObjectItemCaseSensitive(u, "user");
		known |= cJSON_IsString(name) && strcmp(name->valuestring, c->args[1]) == 0;
	}
	cJSON_Delete(all);
	if (rc)
		return rc;
	if (!known)
		return put_alias(c, "add");
	cli_note(c, "%s is a contact already", c->args[1]);
	return EXIT_DONE;
}

static int alias(struct cli *c)
{
	return put_alias(c, c->n_args > 2 ? "name" : "take the alias from");
}

static int remove_one(struct cli *c)
{
	return change(c, "DELETE", "/contacts", NULL, "remove");
}

static int block(struct cli *c)
{
	return change(c, "PUT", "/blocks", "{}", "block");
}

static int unblock(struct cli *c)
{
	return change(c, "DELETE", "/blocks", NULL, "unblock");
}

static const struct {
	const char *word;
	int min, max;
	int (*run)(struct cli *);
} actions[] = {{"ls", 1, 1, list}, {"list", 1, 1, list}, {"add", 2, 3, add}, {"rm", 2, 2, remove_one},
	{"alias", 2, 3, alias}, {"block", 2, 2, block}, {"unblock", 2, 2, unblock}};

static int exec_contact(struct cli *c)
{
	const char *word = c->n_args ? c->args[0] : "ls";
	int n = c->n_args ? c->n_args : 1;

	for (unsigned i = 0; i < sizeof actions / sizeof *actions; i++) {
		if (strcmp(actions[i].word, word) != 0 || n < actions[i].min || n > actions[i].max)
			continue;
		if (actions[i].run != list && (cli_switch(c, "blocked") || cli_switch(c, "empty")))
			return cli_fail(EXIT_USAGE, "--blocked and -e go with ls");
		if (n > 1 && !user_name_ok(str_of(c->args[1])))
			return cli_fail(EXIT_USAGE, "\"%.70s\" is no user name", c->args[1]);
		return actions[i].run(c);
	}
	return cli_fail(EXIT_USAGE, "usage: chatctl contact ls | add USER [ALIAS] | rm USER | alias USER [NAME] | "
				    "block USER | unblock USER");
}

static const struct cli_option options[] = {
	{"blocked", 0, NULL, "ls: those whom you blocked", COMPLETE_NONE, false},
	{"empty", 'e', NULL, "ls: exit 3 when there is nothing", COMPLETE_NONE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_contact = {
	.name = "contact",
	.args = "[ls|add|rm|alias|block|unblock] [USER] [NAME]",
	.summary = "your contacts, and whom you block",
	.fields = "user alias",
	.text = "ls shows your contacts, with --blocked those whom you blocked. add USER [ALIAS] adds one and leaves "
		"an alias that is there already; rm USER removes one. alias USER NAME gives the name under which you "
		"know them, and adds them when they were no contact; alias USER takes it away. block USER keeps their "
		"messages from you, and your receipts and presence from them; unblock USER ends that. All of them may "
		"be done twice.",
	.examples = "chatctl contact add bob 'Bob from work'\nchatctl contact ls -o tsv | cut -f1\nchatctl contact "
		    "block mallory\nchatctl contact ls --blocked",
	.options = options,
	.max_args = 3,
	.need = NEED_LOGIN,
	.timeout_default_s = 30,
	.exec = exec_contact,
};
