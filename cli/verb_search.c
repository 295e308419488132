#include "cli/local.h"
#include "cli/out.h"
#include "common/msg.h"
#include <stdio.h>

static struct out out;

static void add(cJSON *o, const char *name, const char *value)
{
	if (value)
		cJSON_AddStringToObject(o, name, value);
	else
		cJSON_AddNullToObject(o, name);
}

static int show(void *ctx, const struct client_message *m)
{
	cJSON *o = cJSON_CreateObject();

	(void)ctx;
	add(o, "id", m->id);
	add(o, "client_id", m->client_id);
	add(o, "from", m->from);
	add(o, "to", m->to);
	add(o, "kind", m->kind);
	add(o, "body", m->body);
	add(o, "sent_at", m->sent_at);
	add(o, "delivered_at", m->delivered_at);
	add(o, "read_at", m->read_at);
	int rc = out_item(&out, o);
	cJSON_Delete(o);
	return rc;
}

static int exec_search(struct cli *c)
{
	const char *with = cli_option(c, "with");
	unsigned limit;
	struct buf words;
	int rc = cli_number(c, "limit", 1, 1000000, PAGE_DEFAULT, &limit);

	if (rc)
		return rc;
	if (with && !user_name_ok(str_of(with)))
		return cli_fail(EXIT_USAGE, "\"%s\" is no user name", with);
	if (!local_db(c, true))
		return EXIT_FAILED;
	buf_init(&words, 1 << 16);
	for (int i = 0; i < c->n_args; i++)
		buf_addf(&words, "%s%s", i ? " " : "", c->args[i]);
	buf_addc(&words, 0);
	out_begin(&out, c, message_columns, false);
	if (words.failed)
		rc = cli_fail(EXIT_USAGE, "that is too long to be looked for");
	else if (client_db_search(c->db, words.data, with, limit, show, NULL))
		rc = cli_fail(EXIT_FAILED, "%s", client_db_why(c->db));
	else if (out_end(&out))
		rc = cli_fail(EXIT_FAILED, "cannot write to stdout");
	buf_release(&words);
	return rc == EXIT_DONE && out.n == 0 && cli_switch(c, "empty") ? EXIT_NOTHING : rc;
}

static const struct cli_option options[] = {
	{"with", 0, "USER", "only what was said with this user", COMPLETE_USER, false},
	{"limit", 0, "N", "at most that many (default 50)", COMPLETE_NONE, false},
	{"empty", 'e', NULL, "exit 3 when nothing is found", COMPLETE_NONE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_search = {
	.name = "search",
	.args = "WORD…",
	.summary = "search the messages that this machine has seen",
	.fields = MESSAGE_FIELDS,
	.text = "Looks in the local history for messages with all of these words, whatever their case and accents, the "
		"newest "
		"first. It holds what send, list, read, conv and watch have had in their hands here; the server is not "
		"asked. "
		"A * behind a word stands for any ending; words in quotation marks must stand together. Encrypted "
		"messages "
		"are not found.",
	.examples = "chatctl search deploy\nchatctl search --with bob 'depl*' friday\nchatctl search '\"see you "
		    "there\"' -o jsonl",
	.options = options,
	.min_args = 1,
	.max_args = ARGS_MAX,
	.need = NEED_URL,
	.exec = exec_search,
};
