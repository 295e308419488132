#include "cli/queue.h"
#include "cli/local.h"
#include "common/base/clock.h"
#include "common/base/err.h"
#include <stdio.h>
#include <stdlib.h>

enum { AGAIN_FIRST_MS = 1000, AGAIN_MAX_MS = 30000 };

/* For send --each-line: when the server could not be reached, lines only go to disk for a while. */
static struct {
	uint64_t next_us, wait_ms;
	unsigned sent, refused;
} lines;

static int put(struct cli *c, const char *to, const char *kind, struct str text, const char *client_id)
{
	struct outbox_entry e = {0};
	char *body = strndup(text.p, text.n);
	int rc = EXIT_DONE;

	if (!body)
		return cli_fail(EXIT_FAILED, "out of memory");
	e.body = body;
	snprintf(e.client_id, sizeof e.client_id, "%s", client_id);
	snprintf(e.to, sizeof e.to, "%s", to);
	snprintf(e.kind, sizeof e.kind, "%s", kind);
	int how = client_db_entry_add(c->db, &e);
	if (how < 0)
		rc = cli_fail(EXIT_FAILED, "not queued: %s", client_db_why(c->db));
	else if (how == ENTRY_DIFFERS)
		rc = cli_fail(EXIT_FAILED, "client-id-reused: the outbox has another message under %s", client_id);
	free(body);
	return rc;
}

static int show(struct out *out, const char *to, const char *client_id, const char *id, const char *sent_at)
{
	const struct cli *c = out->cli;
	cJSON *m = cJSON_CreateObject();
	int rc = 0;

	if (id)
		cJSON_AddStringToObject(m, "id", id);
	cJSON_AddStringToObject(m, "client_id", client_id);
	if (sent_at) {
		cJSON_AddStringToObject(m, "sent_at", sent_at);
	} else {
		cJSON_AddStringToObject(m, "to", to);
		cJSON_AddStringToObject(m, "state", "queued");
	}
	if (c->mode_given || c->format)
		rc = out_item(out, m);
	cJSON_Delete(m);
	return rc;
}

static int exit_of(const char *error)
{
	enum err e = err_from_code(error, strcspn(error, ":"));

	return e == ERR_COUNT ? EXIT_FAILED : err_exit(e);
}

/* What became of an entry; why: that it still waits. */
static int outcome(struct cli *c, struct out *out, const char *to, const char *client_id, const char *why)
{
	struct outbox_entry e;
	char id[65], sent_at[65];
	int rc = client_db_entry(c->db, client_id, &e);

	if (rc == 0) {
		free((char *)e.body);
		if (e.state == ENTRY_FAILED)
			return exit_of(e.error);
		cli_note(c, "queued for %s as %s: %s", to, client_id, why);
		return show(out, to, client_id, NULL, NULL) ? EXIT_FAILED : EXIT_QUEUED;
	}
	if (rc == 1)
		rc = client_db_sent(c->db, client_id, id, sent_at);
	if (rc < 0)
		return cli_fail(EXIT_FAILED, "%s", client_db_why(c->db));
	if (rc == 1)
		return cli_fail(EXIT_FAILED, "%s was dropped from the outbox meanwhile", client_id);
	return show(out, to, client_id, id, sent_at) ? EXIT_FAILED : EXIT_DONE;
}

int queue_send(struct cli *c, struct out *out, const char *to, struct str text, const char *client_id)
{
	struct outbox_report report;

	if (!local_db(c, true))
		return EXIT_FAILED;
	int rc = put(c, to, "text", text, client_id);
	if (rc)
		return rc;
	local_flush(c, &report);
	return outcome(c, out, to, client_id, report.why[0] ? report.why : "it is still to be sent");
}

int queue_line(struct cli *c, struct out *out, const char *to, const char *kind, struct str text, const char *client_id)
{
	struct outbox_report report = {.why = "the server could not be reached"};
	enum outbox_end end;

	if (!local_db(c, true))
		return EXIT_FAILED;
	int rc = put(c, to, kind, text, client_id);
	if (rc)
		return rc;
	cli_restart_clock(c);
	if (clock_mono_us() >= lines.next_us) {
		end = local_flush(c, &report);
		lines.sent += report.sent;
		lines.refused += report.refused;
		lines.wait_ms = end == OUTBOX_EMPTY ? 0 : lines.wait_ms ? lines.wait_ms * 2 : AGAIN_FIRST_MS;
		if (lines.wait_ms > AGAIN_MAX_MS)
			lines.wait_ms = AGAIN_MAX_MS;
		lines.next_us = clock_mono_us() + lines.wait_ms * 1000;
	}
	rc = outcome(c, out, to, client_id, report.why[0] ? report.why : "it is still to be sent");
	return !out->failed && (rc == EXIT_QUEUED || lines.refused) ? EXIT_DONE : rc;
}

int queue_end(struct cli *c, int rc)
{
	struct outbox_report report = {0};

	if (!c->db)
		return rc;
	cli_restart_clock(c);
	if (lines.wait_ms && client_db_waiting(c->db, NULL, NULL) > 0)
		local_flush(c, &report);
	lines.sent += report.sent;
	lines.refused += report.refused;
	/* --batch names a file there, and each of its lines a recipient. */
	if (client_db_waiting(c->db, cli_switch(c, "batch") ? NULL : c->args[0], NULL) > 0) {
		queue_say_waiting(c);
		return EXIT_QUEUED;
	}
	if (rc == EXIT_DONE && lines.refused)
		return lines.sent ? EXIT_PARTLY : EXIT_FAILED;
	return rc;
}

void queue_say_waiting(const struct cli *c)
{
	if (cli_option(c, "context"))
		cli_fail(0, "nothing is sent until something flushes the outbox: chatctl -c %s outbox flush",
			c->profile.name);
	else
		cli_fail(0, "nothing is sent until something flushes the outbox: chatctl outbox flush");
}
