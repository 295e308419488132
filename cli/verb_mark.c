#include "cli/messages.h"
#include "common/msg.h"
#include <stdio.h>

static unsigned marked;

static int mark_one(struct cli *c, const char *typed)
{
	char id[65];
	int rc = message_id(c, typed, id);

	if (rc)
		return rc;
	if (c->dry_run) {
		printf("would mark %s\n", id);
		return EXIT_DONE;
	}
	rc = message_mark(c, id);
	marked += rc == EXIT_DONE;
	return rc;
}

/* Ids of one page: they are marked after the page was read, for marking moves what is unread. */
struct page_ids {
	char id[PAGE_MAX][65];
	unsigned n;
};

static int keep_id(void *ctx, const cJSON *m)
{
	struct page_ids *p = ctx;
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(m, "id");

	if (cJSON_IsString(id) && p->n < PAGE_MAX)
		snprintf(p->id[p->n++], sizeof p->id[0], "%s", id->valuestring);
	return 0;
}

static int mark_all(struct cli *c)
{
	static struct page_ids ids;
	struct unread_walk w = {
		.from = cli_option(c, "with"), .limit = PAGE_MAX, .pages = 1, .fn = keep_id, .ctx = &ids};
	char after[65] = "";
	int rc;

	do {
		ids.n = 0;
		w.after = after;
		rc = unread_walk(c, &w);
		for (unsigned i = 0; i < ids.n && rc == EXIT_DONE; i++)
			rc = mark_one(c, ids.id[i]);
		snprintf(after, sizeof after, "%s", w.next);
	} while (rc == EXIT_DONE && after[0]);
	return rc;
}

static int exec_mark(struct cli *c)
{
	const char *with = cli_option(c, "with");
	bool all = cli_switch(c, "all");
	int rc;

	if (with && !user_name_ok(str_of(with)))
		return cli_fail(EXIT_USAGE, "\"%s\" is no user name", with);
	if (all ? c->n_args != 0 : c->n_args == 0)
		return cli_fail(EXIT_USAGE, "give ids, or - for ids on stdin, or --all; see: chatctl help mark");
	if (with && !all)
		return cli_fail(EXIT_USAGE, "--with goes with --all");
	marked = 0;
	if (all)
		rc = mark_all(c);
	else if (c->n_args == 1 && strcmp(c->args[0], "-") == 0)
		rc = each_line(c, mark_one);
	else
		rc = each_arg(c, mark_one);
	if (marked)
		cli_note(c, "%u marked as read", marked);
	return rc;
}

static const struct cli_option options[] = {
	{"all", 0, NULL, "all unread messages", COMPLETE_NONE, false},
	{"with", 0, "USER", "with --all: only those from this user", COMPLETE_USER, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_mark = {
	.name = "mark",
	.args = "ID…|-",
	.summary = "mark messages as read",
	.text = "Marks exactly these messages as read, also when older ones are unread. Marking again does no harm. "
		"With - the ids come from stdin, one a line.",
	.examples =
		"chatctl mark mPq7Zt1c\nchatctl mark --all --with bob\nchatctl ls -o tsv | cut -f1 | chatctl mark -",
	.options = options,
	.max_args = ARGS_MAX,
	.need = NEED_LOGIN,
	.timeout_default_s = 30,
	.exec = exec_mark,
};
