#include "cli/history.h"
#include "cli/messages.h"
#include "common/msg.h"
#include <stdio.h>

struct listing {
	struct out out;
	uint64_t since_ms;
	unsigned limit; /* of messages shown, whatever the pages; 0: none */
	bool cut;       /* there was one more */
};

static int show(void *ctx, const cJSON *m)
{
	struct listing *l = ctx;
	if (!message_since(m, l->since_ms))
		return 0;
	l->cut = l->limit && l->out.n >= l->limit;
	return l->cut || out_item(&l->out, m);
}

static int list_unread(struct cli *c, struct listing *l, unsigned limit)
{
	struct unread_walk w = {
		.from = cli_option(c, "with"), .after = cli_option(c, "after"), .limit = limit, .fn = show, .ctx = l};

	/* What is recent stands on the last pages: with --since all are walked, and --limit counts what is shown. */
	w.pages = l->since_ms || cli_switch(c, "all-pages") ? 0 : 1;
	if (l->since_ms && !cli_switch(c, "all-pages")) {
		l->limit = w.limit;
		w.limit = PAGE_MAX;
	}
	int rc = unread_walk(c, &w);
	if (rc == EXIT_DONE && l->cut)
		cli_note(c, "there are more: --all-pages, or a greater --limit");
	else if (rc == EXIT_DONE && w.next[0])
		cli_note(c, "there are more: --all-pages, or --after %s", w.next);
	return rc;
}

static int list_all(struct cli *c, struct listing *l, unsigned limit)
{
	struct history h = {.with = cli_option(c, "with"),
		.since_ms = l->since_ms,
		.limit = cli_switch(c, "all-pages") ? 0 : limit};
	char after[65];
	int rc = EXIT_DONE;

	if (cli_option(c, "after")) {
		rc = message_id(c, cli_option(c, "after"), h.with, after);
		h.after = after;
	}
	if (rc == EXIT_DONE)
		rc = history_show(c, &l->out, &h);
	if (rc == EXIT_DONE && h.cut && (h.after || h.since_ms))
		cli_note(c, "there are more: --all-pages, or --after %s", h.last);
	else if (rc == EXIT_DONE && h.cut)
		cli_note(c, "there are older ones: --all-pages, or a greater --limit");
	return rc;
}

static int exec_list(struct cli *c)
{
	struct listing l = {0};
	const char *with = cli_option(c, "with"), *after = cli_option(c, "after");
	bool all = cli_switch(c, "all");
	unsigned limit;
	int rc = cli_number(c, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &limit);

	memset(&l, 0, sizeof l);
	if (rc || (rc = cli_since(c, &l.since_ms)))
		return rc;
	if (with && !user_name_ok(str_of(with)))
		return cli_fail(EXIT_USAGE, "\"%s\" is no user name", with);
	if (after && !token_text_ok(str_of(after)))
		return cli_fail(EXIT_USAGE, "\"%s\" is no %s", after, all ? "message id" : "cursor");
	if (all && cli_switch(c, "unread"))
		return cli_fail(EXIT_USAGE, "either --all or --unread");
	out_begin(&l.out, c, message_columns, false);
	rc = all ? list_all(c, &l, limit) : list_unread(c, &l, limit);
	if (rc == EXIT_DONE && out_end(&l.out))
		return cli_fail(EXIT_FAILED, "cannot write to stdout");
	if (rc == EXIT_DONE && l.out.n == 0 && cli_switch(c, "empty"))
		return EXIT_NOTHING;
	return rc;
}

static const struct cli_option options[] = {
	{"with", 0, "USER", "only from this user", COMPLETE_USER, false},
	{"since", 0, "TIME", "only what was sent since then: a date, a time, or how long ago (2h)", COMPLETE_NONE,
		false},
	{"all", 0, NULL, "read ones too", COMPLETE_NONE, false},
	{"after", 0, "CURSOR", "go on behind this place, as the last run said; with --all the id of a message",
		COMPLETE_NONE, false},
	{"limit", 0, "N", "at most so many messages, 1 to 500 (default 50); with --all-pages of one page",
		COMPLETE_NONE, false},
	{"all-pages", 0, NULL, "all pages, not only the first", COMPLETE_NONE, false},
	{"unread", 0, NULL, "unread messages: what it does anyway", COMPLETE_NONE, false},
	{"empty", 'e', NULL, "exit 3 when there is nothing", COMPLETE_NONE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_list = {
	.name = "list",
	.alias = "ls",
	.args = "",
	.summary = "list messages, oldest first",
	.fields = MESSAGE_FIELDS,
	.text = "Lists the unread messages that were sent to you, oldest first. Listing marks them as delivered, not "
		"as read. With --all those that were read too, from all conversations: the newest of them, or with "
		"--after "
		"and --since the first ones behind that place. Text form: the first 8 characters of "
		"the id, local time, sender, text on one line.",
	.examples = "chatctl list\nchatctl ls --all --with bob --limit 10\nchatctl ls --all --since 24h --all-pages -o "
		    "jsonl\nchatctl ls -e --with boss -o tsv || exit 0\nchatctl ls --with bob -o jsonl | jq -r "
		    "'select(.body|test(\"ack\")).id' | chatctl mark -",
	.options = options,
	.need = NEED_LOGIN,
	.timeout_default_s = 30,
	.exec = exec_list,
};
