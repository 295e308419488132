#include "cli/local.h"
#include "cli/messages.h"
#include "cli/queue.h"
#include "common/base/clock.h"
#include "common/msg.h"
#include <stdio.h>
#include <unistd.h>

static struct out out;
static const char *const columns[] = {"client_id", "to", "state", "created_at", "attempts", "error", "body", NULL};

static int show(void *ctx, const struct outbox_entry *e)
{
	cJSON *o = cJSON_CreateObject();
	char created[CLOCK_TEXT + 1];

	(void)ctx;
	clock_format(e->created_ms, created);
	cJSON_AddStringToObject(o, "client_id", e->client_id);
	cJSON_AddStringToObject(o, "to", e->to);
	cJSON_AddStringToObject(o, "state", e->state == ENTRY_FAILED ? "failed" : "queued");
	cJSON_AddStringToObject(o, "created_at", created);
	cJSON_AddNumberToObject(o, "attempts", e->attempts);
	cJSON_AddStringToObject(o, "error", e->error);
	cJSON_AddStringToObject(o, "body", e->body);
	int rc = out_item(&out, o);
	cJSON_Delete(o);
	return rc;
}

static int list(struct cli *c)
{
	int strangers = client_db_strangers(c->db);

	out_begin(&out, c, columns, false);
	if (client_db_entries(c->db, false, show, NULL))
		return cli_fail(EXIT_FAILED, "%s", client_db_why(c->db));
	if (out_end(&out))
		return cli_fail(EXIT_FAILED, "cannot write to stdout");
	if (strangers > 0)
		cli_note(c, "%d more wait for another user or server that this context stood for", strangers);
	return out.n == 0 && cli_switch(c, "empty") ? EXIT_NOTHING : EXIT_DONE;
}

static int flush(struct cli *c)
{
	struct outbox_report report;
	unsigned again = 0;

	if (!c->profile.token[0])
		return cli_fail(EXIT_AUTH, "not logged in: what is in the outbox stays there until then");
	if (c->dry_run) {
		printf("would send %d messages\n", client_db_waiting(c->db, NULL, NULL));
		return EXIT_DONE;
	}
	if (cli_switch(c, "failed") && client_db_entry_again(c->db, NULL, &again))
		return cli_fail(EXIT_FAILED, "%s", client_db_why(c->db));
	enum outbox_end end = local_flush(c, &report);
	if (report.sent)
		cli_note(c, "%u sent", report.sent);
	if (end == OUTBOX_BROKEN)
		return cli_fail(EXIT_FAILED, "%s", report.why);
	int waiting = client_db_waiting(c->db, NULL, NULL);
	if (waiting > 0)
		return cli_fail(EXIT_QUEUED, "%d still in the outbox: %s", waiting,
			report.why[0] ? report.why : "new ones came");
	if (report.refused)
		return report.sent ? EXIT_PARTLY : EXIT_FAILED;
	return EXIT_DONE;
}

static int drop_one(struct cli *c, const char *client_id)
{
	unsigned n;

	if (client_db_entry_drop(c->db, client_id, false, &n))
		return cli_fail(EXIT_FAILED, "%s", client_db_why(c->db));
	return n ? EXIT_DONE : cli_fail(EXIT_FAILED, "the outbox has no %s", client_id);
}

static int drop(struct cli *c)
{
	bool all = cli_switch(c, "all"), failed = cli_switch(c, "failed");
	unsigned n = 0;
	int rc = EXIT_DONE;

	if ((all || failed) != (c->n_args == 1))
		return cli_fail(EXIT_USAGE, "give the client_ids that outbox ls shows, or --failed, or --all");
	if (c->dry_run) {
		printf("would drop what was named\n");
		return EXIT_DONE;
	}
	/* Nothing is dropped that is on its way. */
	int lock = outbox_lock(c->db, c->deadline_us);
	if (lock < 0)
		return cli_fail(EXIT_BUSY, "another process is sending what is in the outbox");
	if (!all && !failed) {
		c->args[0] = c->args[--c->n_args];
		rc = each_arg(c, drop_one);
	} else if (client_db_entry_drop(c->db, NULL, !all, &n)) {
		rc = cli_fail(EXIT_FAILED, "%s", client_db_why(c->db));
	} else {
		cli_note(c, "%u dropped", n);
	}
	close(lock);
	return rc;
}

static const struct {
	const char *word;
	int (*run)(struct cli *c);
	bool ids;
} actions[] = {{"ls", list, false}, {"list", list, false}, {"flush", flush, false}, {"drop", drop, true}};

static int exec_outbox(struct cli *c)
{
	const char *word = c->n_args ? c->args[0] : "ls";

	for (unsigned i = 0; i < sizeof actions / sizeof *actions; i++) {
		if (strcmp(actions[i].word, word) != 0)
			continue;
		if (!actions[i].ids && c->n_args > 1)
			break;
		return local_db(c, true) ? actions[i].run(c) : EXIT_FAILED;
	}
	return cli_fail(EXIT_USAGE, "usage: chatctl outbox ls, flush, or drop ID…");
}

static const struct cli_option options[] = {
	{"failed", 0, NULL, "flush: try also those that were refused; drop: those alone", COMPLETE_NONE, false},
	{"all", 0, NULL, "drop: everything", COMPLETE_NONE, false},
	{"empty", 'e', NULL, "ls: exit 3 when there is nothing", COMPLETE_NONE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_outbox = {
	.name = "outbox",
	.args = "[ls|flush|drop CLIENT_ID…]",
	.summary = "what waits to be sent",
	.fields = "client_id to state created_at attempts error body",
	.text = "ls shows what is queued and what was refused for good, oldest first; flush sends what is queued, exit "
		"9 when "
		"something stays; drop takes messages out by their client_id. Nothing is sent between the runs of this "
		"program: put flush into cron, or let any other command do it, for each one sends what waits before "
		"its own work.",
	.examples = "chatctl outbox\nchatctl outbox flush\nchatctl outbox drop --failed",
	.options = options,
	.max_args = ARGS_MAX,
	.need = NEED_URL,
	.timeout_default_s = 30,
	.exec = exec_outbox,
};
