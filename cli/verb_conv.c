#include "cli/local.h"
#include "cli/messages.h"
#include "common/msg.h"
#include <stdio.h>

static struct out out;

/* One page, and in next the cursor behind it or nothing. NULL after a message, *rc says why. */
static cJSON *get_page(struct cli *c, const char *path, char next[65], int *rc)
{
	struct http_answer a;

	next[0] = 0;
	cli_restart_clock(c);
	*rc = cli_request(c, "GET", path, NULL, true, false, &a);
	cJSON *page = *rc == EXIT_DONE ? answer_json(&a, true) : NULL;
	if (*rc == EXIT_DONE && !page)
		*rc = EXIT_FAILED;
	if (token_text_ok(str_of(a.next_cursor)))
		snprintf(next, 65, "%s", a.next_cursor);
	http_answer_release(&a);
	return page;
}

/* Messages with the user that was named; way: "before" or "after" the id at, which may be empty. */
static cJSON *get_messages(struct cli *c, unsigned limit, const char *way, const char *at, char next[65], int *rc)
{
	char path[256];

	snprintf(path, sizeof path, "/conversations/%s/messages?limit=%u%s%s%s%s", c->args[1], limit, at[0] ? "&" : "",
		at[0] ? way : "", at[0] ? "=" : "", at);
	cJSON *page = get_page(c, path, next, rc);
	if (page)
		local_keep(c, page);
	return page;
}

static int finish(struct cli *c, int rc)
{
	if (rc)
		return rc;
	if (out_end(&out))
		return cli_fail(EXIT_FAILED, "cannot write to stdout");
	return out.n == 0 && cli_switch(c, "empty") ? EXIT_NOTHING : EXIT_DONE;
}

/* ---- ls ---- */

/* A row has room for the last message and what is said of the conversation, not for an object within an object. */
static cJSON *flat(const cJSON *conversation)
{
	cJSON *row = cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(conversation, "last"), true);
	const cJSON *f;

	if (!cJSON_IsObject(row)) {
		cJSON_Delete(row);
		row = cJSON_CreateObject();
	}
	cJSON_ArrayForEach(f, conversation)
	{
		if (!cJSON_IsObject(f))
			cJSON_AddItemToObject(row, f->string, cJSON_Duplicate(f, false));
	}
	return row;
}

static void show_conversations(const cJSON *page, bool rows)
{
	const cJSON *v;

	cJSON_ArrayForEach(v, page)
	{
		cJSON *row = rows ? flat(v) : NULL;
		int rc = out_item(&out, row ? row : v);
		cJSON_Delete(row);
		if (rc)
			break;
	}
}

static int list(struct cli *c)
{
	static const char *const text[] = {"with", "unread", "sent_at", "from", "body", NULL},
				 *const table[] = {"with", "unread", "read_up_to", "peer_read_up_to",
					 "peer_delivered_up_to", "id", "from", "kind", "body", "sent_at", NULL};
	const char *after = cli_option(c, "after");
	char path[128], at[65] = "";
	unsigned limit;
	int rc = cli_number(c, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &limit);

	if (rc)
		return rc;
	if (after && !token_text_ok(str_of(after)))
		return cli_fail(EXIT_USAGE, "\"%.70s\" is no cursor", after);
	snprintf(at, sizeof at, "%s", after ? after : "");
	out_begin(&out, c, c->mode == OUT_TEXT ? text : table, false);
	do {
		snprintf(path, sizeof path, "/conversations?limit=%u%s%s", limit, at[0] ? "&after=" : "", at);
		cJSON *page = get_page(c, path, at, &rc);
		show_conversations(page, c->format || (c->mode != OUT_JSON && c->mode != OUT_JSONL));
		cJSON_Delete(page);
	} while (rc == EXIT_DONE && at[0] && !out.failed && cli_switch(c, "all-pages"));
	if ((rc = finish(c, rc)) == EXIT_DONE && at[0])
		cli_note(c, "there are more: --all-pages, or --after %s", at);
	return rc;
}

/* ---- show ---- */

/* As they came, or the other way round. 0, or -1 when stdout cannot be written. */
static int show_messages(const cJSON *page, bool backward, uint64_t since_ms)
{
	const cJSON *first = page ? page->child : NULL, *m = first && backward ? first->prev : first;

	for (; m; m = backward ? (m == first ? NULL : m->prev) : m->next)
		if (message_since(m, since_ms) && out_item(&out, m))
			return -1;
	return 0;
}

/* The id behind an option, which may be a part of one; out is empty when it was not given. */
static int take_id(struct cli *c, const char *name, char id[65])
{
	const char *typed = cli_option(c, name);

	id[0] = 0;
	return typed ? message_id(c, typed, c->args[1], id) : EXIT_DONE;
}

/* People read downwards, the newest last; the server begins with the newest but behind an id. Other forms keep the server's order. */
static int show_pages(struct cli *c, unsigned limit, const char *way, char at[65])
{
	bool turn = strcmp(way, "before") == 0 && c->mode == OUT_TEXT && !c->format;
	cJSON *kept = turn ? cJSON_CreateArray() : NULL;
	int rc;

	do {
		cJSON *page = get_messages(c, limit, way, at, at, &rc);
		if (!turn)
			(void)show_messages(page, false, 0);
		while (turn && page && page->child)
			cJSON_AddItemToArray(kept, cJSON_DetachItemViaPointer(page, page->child));
		cJSON_Delete(page);
	} while (rc == EXIT_DONE && at[0] && !out.failed && cli_switch(c, "all-pages"));
	(void)show_messages(kept, true, 0);
	cJSON_Delete(kept);
	return rc;
}

static int show(struct cli *c)
{
	char before[65], after[65];
	unsigned limit;
	int rc = cli_number(c, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &limit);

	if (rc == EXIT_DONE && cli_option(c, "before") && cli_option(c, "after"))
		return cli_fail(EXIT_USAGE, "either --before or --after");
	if (rc || (rc = take_id(c, "before", before)) || (rc = take_id(c, "after", after)))
		return rc;
	const char *way = after[0] ? "after" : "before";
	char *at = after[0] ? after : before;
	out_begin(&out, c, message_columns, false);
	rc = finish(c, show_pages(c, limit, way, at));
	if (rc == EXIT_DONE && at[0])
		cli_note(c, "there are more: --all-pages, or --%s %s", way, at);
	return rc;
}

/* ---- export ---- */

static const char *id_of(const cJSON *message)
{
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(message, "id");

	return cJSON_IsString(id) && token_text_ok(str_of(id->valuestring)) ? id->valuestring : "";
}

/* History is read from its end: goes back to the page with the first message wanted. NULL after a message. */
static cJSON *first_page(struct cli *c, uint64_t since_ms, int *rc)
{
	char at[65] = "";
	cJSON *page = NULL, *oldest;

	do {
		cJSON_Delete(page);
		page = get_messages(c, PAGE_MAX, "before", at, at, rc);
		oldest = page && page->child ? page->child->prev : NULL;
	} while (page && at[0] && oldest && message_since(oldest, since_ms));
	return page;
}

static int export_all(struct cli *c)
{
	uint64_t since_ms = 0;
	char at[65] = "";
	int rc = cli_since(c, &since_ms);

	if (rc)
		return rc;
	if (!c->mode_given && !c->format && !c->tty_out)
		c->mode = OUT_JSONL;
	out_begin(&out, c, message_columns, false);
	cJSON *page = first_page(c, since_ms, &rc);
	snprintf(at, sizeof at, "%s", page ? id_of(page->child) : "");
	(void)show_messages(page, true, since_ms);
	cJSON_Delete(page);
	while (rc == EXIT_DONE && at[0] && !out.failed) {
		page = get_messages(c, PAGE_MAX, "after", at, at, &rc);
		(void)show_messages(page, false, since_ms);
		cJSON_Delete(page);
	}
	if (rc && out.n)
		cli_fail(rc, "the export broke off after %u messages: run it again", out.n);
	return finish(c, rc);
}

/* ---- read ---- */

static int keep_last(void *ctx, const cJSON *m)
{
	snprintf(ctx, 65, "%s", id_of(m));
	return 0;
}

static int put_read(struct cli *c, const char *id)
{
	static const char *const columns[] = {"unread", NULL};
	struct http_answer a;
	int rc = message_mark_up_to(c, c->args[1], id, &a);
	cJSON *o = rc == EXIT_DONE ? answer_json(&a, false) : NULL;
	http_answer_release(&a);
	if (!o)
		return rc ? rc : EXIT_FAILED;
	if (c->mode_given) {
		out_begin(&out, c, columns, true);
		(void)out_item(&out, o);
		rc = finish(c, rc);
	}
	cJSON_Delete(o);
	return rc;
}

static int mark_read(struct cli *c)
{
	char id[65];
	struct unread_walk w = {.from = c->args[1], .limit = PAGE_MAX, .fn = keep_last, .ctx = id};
	int rc = take_id(c, "up-to", id);

	if (rc == EXIT_DONE && !id[0])
		rc = unread_walk(c, &w);
	if (rc)
		return rc;
	if (!id[0]) {
		cli_note(c, "nothing from %s is unread", c->args[1]);
		return EXIT_DONE;
	}
	if (!c->dry_run)
		return put_read(c, id);
	printf("would mark what %s sent up to %s\n", c->args[1], id);
	return EXIT_DONE;
}

/* ---- the words ---- */

static const struct {
	const char *word;
	int args;
	int (*run)(struct cli *);
	const char *options; /* those that it takes */
} actions[] = {{"ls", 1, list, " limit after all-pages empty "}, {"list", 1, list, " limit after all-pages empty "},
	{"show", 2, show, " limit before after all-pages empty "}, {"export", 2, export_all, " since empty "},
	{"read", 2, mark_read, " up-to "}};

static const struct cli_option options[] = {
	{"limit", 0, "N", "ls, show: at most so many, 1 to 500 (default 50); with --all-pages of one page",
		COMPLETE_NONE, false},
	{"before", 0, "ID", "show: what came before this message", COMPLETE_MESSAGE, false},
	{"after", 0, "ID", "show: what came after this message; ls: go on behind this cursor", COMPLETE_MESSAGE, false},
	{"all-pages", 0, NULL, "ls, show: all pages, not only the first", COMPLETE_NONE, false},
	{"since", 0, "TIME", "export: what was sent since then: a date, a time, or how long ago (2h)", COMPLETE_NONE,
		false},
	{"up-to", 0, "ID", "read: that message and all before it", COMPLETE_MESSAGE, false},
	{"empty", 'e', NULL, "ls, show, export: exit 3 when there is nothing", COMPLETE_NONE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

static int check_options(const struct cli *c, const char *word, const char *taken)
{
	char name[32];

	for (const struct cli_option *o = options; o->name; o++) {
		snprintf(name, sizeof name, " %s ", o->name);
		if (cli_switch(c, o->name) && !strstr(taken, name))
			return cli_fail(EXIT_USAGE, "conv %s takes no --%s; see: chatctl help conv", word, o->name);
	}
	return EXIT_DONE;
}

static int exec_conv(struct cli *c)
{
	const char *word = c->n_args ? c->args[0] : "ls";
	int n = c->n_args ? c->n_args : 1;

	for (unsigned i = 0; i < sizeof actions / sizeof *actions; i++) {
		if (strcmp(actions[i].word, word) != 0 || actions[i].args != n)
			continue;
		if (n > 1 && !user_name_ok(str_of(c->args[1])))
			return cli_fail(EXIT_USAGE, "\"%.70s\" is no user name", c->args[1]);
		int rc = check_options(c, word, actions[i].options);
		return rc ? rc : actions[i].run(c);
	}
	return cli_fail(
		EXIT_USAGE, "usage: chatctl conv ls | show USER | export USER | read USER; see: chatctl help conv");
}

const struct verb verb_conv = {
	.name = "conv",
	.args = "[ls|show|export|read] [USER]",
	.summary = "conversations: list, show, export, mark as read",
	.fields = MESSAGE_FIELDS " with last unread read_up_to peer_read_up_to peer_delivered_up_to",
	.text = "ls lists whom you talk with, the latest first, with the number of unread messages and the last one. "
		"show USER shows what was said both ways, the newest at the bottom; other formats keep the server's "
		"order: the newest first, with --after the oldest. export USER writes the whole conversation, the "
		"oldest "
		"first; in a pipe as JSON lines unless another format is asked for. read USER marks all that they sent "
		"as read, or what is there up to --up-to ID. Showing and exporting mark messages as delivered, not as "
		"read. An id that begins with - needs no care behind its option; elsewhere write -- before it.",
	.examples = "chatctl conv ls\nchatctl conv show bob --limit 20\nchatctl conv export bob --since 2026-01-01 -o "
		    "jsonl | gzip > bob.jsonl.gz\nchatctl conv read bob",
	.options = options,
	.max_args = 2,
	.need = NEED_LOGIN,
	.timeout_default_s = 30,
	.exec = exec_conv,
};
