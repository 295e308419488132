#include "cli/local.h"
#include "cli/messages.h"
#include "common/msg.h"
#include <stdio.h>

static struct out out;

static const cJSON *text_of(const cJSON *m, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(m, name);
	return cJSON_IsString(v) ? v : NULL;
}

static bool rows(const struct cli *c)
{
	return c->mode_given || c->format;
}

static int show(struct cli *c, const cJSON *m)
{
	const cJSON *body = text_of(m, "body");

	if (rows(c))
		return out_item(&out, m) ? EXIT_FAILED : EXIT_DONE;
	out_text(c, str_of(body ? body->valuestring : ""), false);
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
	int rc = message_id(c, typed, NULL, id);

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

/* ---- --with: the end of a conversation ---- */

/* A head, then the text, set in: nobody can write what looks like a head. */
static void show_set_in(struct cli *c, const cJSON *m)
{
	const cJSON *body = text_of(m, "body");
	const char *p = body ? body->valuestring : "";

	out_head(c, m);
	while (*p) {
		size_t n = strcspn(p, "\n");
		fputs("    ", stdout);
		out_text(c, (struct str){p, n}, false);
		putchar('\n');
		p += n + (p[n] == '\n');
	}
}

/* The last messages, the newest first. */
static int get_last(struct cli *c, const char *with, unsigned n, cJSON *all)
{
	char path[256], at[65] = "";
	int rc = EXIT_DONE;

	do {
		struct http_answer a;
		snprintf(path, sizeof path, "/conversations/%s/messages?limit=%u%s%s", with,
			n - (unsigned)cJSON_GetArraySize(all), at[0] ? "&before=" : "", at);
		cli_restart_clock(c);
		rc = cli_request(c, "GET", path, NULL, true, false, &a);
		cJSON *page = rc == EXIT_DONE ? answer_json(&a, true) : NULL;
		if (rc == EXIT_DONE && !page)
			rc = EXIT_FAILED;
		snprintf(at, sizeof at, "%s", token_text_ok(str_of(a.next_cursor)) ? a.next_cursor : "");
		http_answer_release(&a);
		if (page)
			local_keep(c, page);
		while (page && page->child)
			cJSON_AddItemToArray(all, cJSON_DetachItemViaPointer(page, page->child));
		cJSON_Delete(page);
	} while (rc == EXIT_DONE && at[0] && (unsigned)cJSON_GetArraySize(all) < n);
	return rc;
}

static int read_with(struct cli *c, const char *with)
{
	unsigned n;
	int rc = cli_number(c, "last", 1, PAGE_MAX, 1, &n);
	cJSON *all = cJSON_CreateArray(), *m;

	if (rc == EXIT_DONE)
		rc = get_last(c, with, n, all);
	cJSON *first = rc == EXIT_DONE ? all->child : NULL;
	for (m = first ? first->prev : NULL; m && rc == EXIT_DONE; m = m == first ? NULL : m->prev) {
		if (n > 1 && !rows(c))
			show_set_in(c, m);
		else
			rc = show(c, m);
	}
	/* What they sent can be marked, what I sent is theirs to mark. */
	for (m = first ? first->prev : NULL; m && rc == EXIT_DONE && cli_switch(c, "mark");
		m = m == first ? NULL : m->prev)
		if (text_of(m, "from") && strcmp(text_of(m, "from")->valuestring, with) == 0 &&
			!text_of(m, "read_at") && text_of(m, "id") &&
			token_text_ok(str_of(text_of(m, "id")->valuestring)))
			rc = mark(c, text_of(m, "id")->valuestring);
	cJSON_Delete(all);
	return rc;
}

static int exec_read(struct cli *c)
{
	const char *with = cli_option(c, "with");

	if (with && !user_name_ok(str_of(with)))
		return cli_fail(EXIT_USAGE, "\"%s\" is no user name", with);
	if (with ? c->n_args != 0 : c->n_args == 0)
		return cli_fail(EXIT_USAGE, "give ids, or --with USER --last N; see: chatctl help read");
	if (cli_switch(c, "last") && !with)
		return cli_fail(EXIT_USAGE, "--last goes with --with USER");
	if (rows(c))
		out_begin(&out, c, message_columns, c->n_args == 1);
	int rc = with ? read_with(c, with) : each_arg(c, read_one);
	if (rows(c) ? out_end(&out) : out_flush())
		return cli_fail(EXIT_FAILED, "cannot write to stdout");
	return rc;
}

static const struct cli_option options[] = {
	{"with", 0, "USER", "the last of what was said with this user", COMPLETE_USER, false},
	{"last", 0, "N", "with --with: so many, 1 to 500 (default 1)", COMPLETE_NONE, false},
	{"mark", 0, NULL, "mark what was shown as read", COMPLETE_NONE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_read = {
	.name = "read",
	.args = "ID…",
	.summary = "show messages by their ids, or the last ones of a conversation",
	.fields = MESSAGE_FIELDS,
	.text = "Shows the text of each message; marks it as read only when asked. An id may be given in part: any 6 "
		"or more characters of it that fit only one message, of those that are unread or that this machine has "
		"seen. With --with the last messages of a conversation, the newest at the bottom; several have a line "
		"above each that says whose it is, and their text is set in.",
	.examples = "chatctl read mPq7Zt1c\nchatctl read --mark mPq7Zt1c\nchatctl read -o json mPq7Zt1c\n"
		    "chatctl read --with bob --last 3 --mark",
	.options = options,
	.max_args = ARGS_MAX,
	.need = NEED_LOGIN,
	.timeout_default_s = 30,
	.exec = exec_read,
};
