#include "cli/messages.h"
#include "common/msg.h"
#include <stdio.h>
#include <stdlib.h>

static unsigned marked;

static int mark_one(struct cli *c, const char *typed)
{
	char id[65];
	int rc = message_id(c, typed, NULL, id);

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

/* The newest unread message of each sender: what it marks is all that was seen, and nothing that came since. */
struct senders {
	const struct cli *cli;
	struct sender {
		char from[USER_MAX + 1], id[65];
	} * list;
	unsigned n, room, messages;
};

static struct sender *find_sender(struct senders *s, const char *from)
{
	for (unsigned i = 0; i < s->n; i++)
		if (strcmp(s->list[i].from, from) == 0)
			return &s->list[i];
	if (s->n == s->room) {
		unsigned room = s->room ? 2 * s->room : 16;
		struct sender *list = realloc(s->list, room * sizeof *list);
		if (!list)
			return NULL;
		s->list = list;
		s->room = room;
	}
	snprintf(s->list[s->n].from, sizeof s->list[0].from, "%s", from);
	return &s->list[s->n++];
}

static int see(void *ctx, const cJSON *m)
{
	struct senders *s = ctx;
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(m, "id"),
		    *from = cJSON_GetObjectItemCaseSensitive(m, "from");

	if (!cJSON_IsString(id) || !cJSON_IsString(from) || !token_text_ok(str_of(id->valuestring)) ||
		!user_name_ok(str_of(from->valuestring)))
		return 0;
	struct sender *one = find_sender(s, from->valuestring);
	if (!one)
		return cli_fail(1, "out of memory");
	snprintf(one->id, sizeof one->id, "%s", id->valuestring);
	s->messages++;
	if (s->cli->dry_run)
		printf("would mark %s\n", one->id);
	return 0;
}

static int mark_up_to(struct cli *c, const char *with, const char *id)
{
	struct http_answer a;
	int rc = message_mark_up_to(c, with, id, &a);

	http_answer_release(&a);
	return rc;
}

static int mark_all(struct cli *c)
{
	struct senders s = {.cli = c};
	struct unread_walk w = {.from = cli_option(c, "with"), .limit = PAGE_MAX, .fn = see, .ctx = &s};
	int rc = unread_walk(c, &w);

	for (unsigned i = 0; i < s.n && rc == EXIT_DONE && !c->dry_run; i++)
		rc = mark_up_to(c, s.list[i].from, s.list[i].id);
	marked = rc == EXIT_DONE && !c->dry_run ? s.messages : 0;
	free(s.list);
	return rc;
}

static int mark_with(struct cli *c)
{
	const char *with = cli_option(c, "with");
	char id[65];
	int rc = message_id(c, cli_option(c, "up-to"), with, id);

	if (rc == EXIT_DONE && c->dry_run)
		printf("would mark what %s sent up to %s\n", with, id);
	else if (rc == EXIT_DONE)
		rc = mark_up_to(c, with, id);
	return rc;
}

static int check(const struct cli *c)
{
	const char *with = cli_option(c, "with");
	bool all = cli_switch(c, "all"), up_to = cli_switch(c, "up-to");

	if (with && !user_name_ok(str_of(with)))
		return cli_fail(EXIT_USAGE, "\"%s\" is no user name", with);
	if (all && up_to)
		return cli_fail(EXIT_USAGE, "either --all or --up-to ID");
	if (up_to && !with)
		return cli_fail(EXIT_USAGE, "--up-to goes with --with USER: whose messages");
	if (with && !all && !up_to)
		return cli_fail(EXIT_USAGE, "--with goes with --all, or with --up-to ID");
	if (all || up_to ? c->n_args != 0 : c->n_args == 0)
		return cli_fail(EXIT_USAGE,
			"give ids, or - for ids on stdin, or --all, or --with USER --up-to ID; see: "
			"chatctl help mark");
	return EXIT_DONE;
}

static int exec_mark(struct cli *c)
{
	int rc = check(c);

	if (rc)
		return rc;
	marked = 0;
	if (cli_switch(c, "up-to"))
		rc = mark_with(c);
	else if (cli_switch(c, "all"))
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
	{"up-to", 0, "ID", "with --with: that message and all before it", COMPLETE_MESSAGE, false},
	{"with", 0, "USER", "only what this user sent", COMPLETE_USER, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_mark = {
	.name = "mark",
	.args = "ID…|-",
	.summary = "mark messages as read",
	.text = "Marks exactly these messages as read, also when older ones are unread. Marking again does no harm. "
		"With - the ids come from stdin, one a line. With --all all that is unread, with --with USER --up-to "
		"ID a conversation up to that message. An id may be given in part, as in read.",
	.examples = "chatctl mark mPq7Zt1c\nchatctl mark --all --with bob\nchatctl mark --with bob --up-to mPq7Zt1c\n"
		    "chatctl ls -o tsv | cut -f1 | chatctl mark -",
	.options = options,
	.max_args = ARGS_MAX,
	.need = NEED_LOGIN,
	.timeout_default_s = 30,
	.exec = exec_mark,
};
