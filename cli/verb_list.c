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

static int exec_list(struct cli *c)
{
	struct listing l = {0};
	struct unread_walk w = {.from = cli_option(c, "with"), .after = cli_option(c, "after"), .fn = show, .ctx = &l};
	const char *since = cli_option(c, "since");
	int rc = cli_number(c, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &w.limit);

	if (rc)
		return rc;
	if (w.from && !user_name_ok(str_of(w.from)))
		return cli_fail(EXIT_USAGE, "\"%s\" is no user name", w.from);
	if (w.after && !token_text_ok(str_of(w.after)))
		return cli_fail(EXIT_USAGE, "\"%s\" is no cursor", w.after);
	if ((rc = cli_since(c, &l.since_ms)))
		return rc;
	/* What is recent stands on the last pages: with --since all are walked, and --limit counts what is shown. */
	w.pages = since || cli_switch(c, "all-pages") ? 0 : 1;
	if (since && !cli_switch(c, "all-pages")) {
		l.limit = w.limit;
		w.limit = PAGE_MAX;
	}
	out_begin(&l.out, c, message_columns, false);
	rc = unread_walk(c, &w);
	if (rc == EXIT_DONE && out_end(&l.out))
		return cli_fail(EXIT_FAILED, "cannot write to stdout");
	if (rc == EXIT_DONE && l.cut)
		cli_note(c, "there are more: --all-pages, or a greater --limit");
	else if (rc == EXIT_DONE && w.next[0])
		cli_note(c, "there are more: --all-pages, or --after %s", w.next);
	if (rc == EXIT_DONE && l.out.n == 0 && cli_switch(c, "empty"))
		return EXIT_NOTHING;
	return rc;
}

static const struct cli_option options[] = {
	{"with", 0, "USER", "only from this user", COMPLETE_USER, false},
	{"since", 0, "TIME", "only what was sent since then: a date, a time, or how long ago (2h)", COMPLETE_NONE,
		false},
	{"after", 0, "CURSOR", "go on behind this place, as the last run said", COMPLETE_NONE, false},
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
	.summary = "list unread messages, oldest first",
	.text = "Lists the unread messages that were sent to you, oldest first. Listing marks them as delivered, not "
		"as read. Text form: the first 8 characters of "
		"the id, local time, sender, text on one line.",
	.examples = "chatctl list\nchatctl ls -e --with boss -o tsv || exit 0\nchatctl ls --with bob -o jsonl | jq -r "
		    "'select(.body|test(\"ack\")).id' | chatctl mark -",
	.options = options,
	.need = NEED_LOGIN,
	.timeout_default_s = 30,
	.exec = exec_list,
};
