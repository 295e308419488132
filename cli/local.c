#include "cli/local.h"
#include "common/base/clock.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FIRST_MS = 5000 /* for each request before a run's own work */ };

struct client_db *local_db(struct cli *c, bool must)
{
	char path[700], why[256];

	if (c->db || (c->db_tried && !must))
		return c->db;
	c->db_tried = true;
	if (!c->profile.user[0])
		snprintf(why, sizeof why,
			"it needs a context that knows its user: run login, and do without CHAT_TOKEN_FILE and --url");
	else if (client_db_path(c->profile.name, true, path))
		snprintf(why, sizeof why, "cannot make the folder for it: %s", strerror(errno));
	else
		c->db = client_db_open(path, c->profile.url, c->profile.user, why);
	if (!c->db && must)
		cli_fail(EXIT_FAILED, "no local database: %s", why);
	else if (!c->db && c->verbose)
		fprintf(stderr, "chatctl: no local history: %s\n", why);
	return c->db;
}

/* Opens it only if there is one. */
static struct client_db *existing_db(struct cli *c)
{
	char path[700];

	if (!c->db && (client_db_path(c->profile.name, false, path) || access(path, F_OK)))
		return NULL;
	return local_db(c, false);
}

int local_remove(struct cli *c, bool force)
{
	const char *name = c->profile.name;
	unsigned waiting;
	char why[256];

	/* Its own connection would be in the way. */
	client_db_close(c->db);
	c->db = NULL;
	c->db_tried = false;
	if (client_db_remove(name, force, &waiting, why) >= 0)
		return EXIT_DONE;
	if (!force && waiting)
		return cli_fail(EXIT_FAILED,
			"%s; send them: chatctl -c %s outbox flush; or see them: chatctl -c %s outbox ls; or lose "
			"them: "
			"--force",
			why, name, name);
	return cli_fail(EXIT_FAILED, "%s; the context \"%s\" stays%s", why, name,
		force ? "" : "; --force removes it all the same, unless it is in use");
}

/* ---- history ---- */

static const char *text_of(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
	return cJSON_IsString(v) ? v->valuestring : NULL;
}

struct client_message local_message(const cJSON *m)
{
	return (struct client_message){
		.id = text_of(m, "id"),
		.client_id = text_of(m, "client_id"),
		.from = text_of(m, "from"),
		.to = text_of(m, "to"),
		.kind = text_of(m, "kind"),
		.body = text_of(m, "body"),
		.sent_at = text_of(m, "sent_at"),
		.delivered_at = text_of(m, "delivered_at"),
		.read_at = text_of(m, "read_at"),
	};
}

static void keep(struct cli *c, const struct client_message *list, unsigned n)
{
	if (n && local_db(c, false) && client_db_keep(c->db, list, n) && c->verbose)
		fprintf(stderr, "chatctl: not kept for search: %s\n", client_db_why(c->db));
}

void local_keep(struct cli *c, const cJSON *messages)
{
	int n = cJSON_IsArray(messages) ? cJSON_GetArraySize(messages) : 1;
	struct client_message *list = calloc((size_t)n + 1, sizeof *list);
	const cJSON *m;
	unsigned i = 0;

	if (list && cJSON_IsArray(messages)) {
		cJSON_ArrayForEach(m, messages) list[i++] = local_message(m);
	} else if (list && messages) {
		list[i++] = local_message(messages);
	}
	keep(c, list, i);
	free(list);
}

void local_sent(struct cli *c, const char *to, struct str text, const cJSON *answer)
{
	struct client_message m = local_message(answer);
	char *body = strndup(text.p, text.n);

	m.from = c->profile.user;
	m.to = to;
	m.body = body;
	keep(c, &m, 1);
	free(body);
}

/* ---- the outbox ---- */

static void post_with_retries(void *ctx, struct str body, struct http_answer *a)
{
	struct cli *c = ctx;
	int rc = cli_request(c, "POST", "/messages", &body, true, true, a);

	if (rc == EXIT_TIMEOUT && !a->why[0])
		snprintf(a->why, sizeof a->why, "the time given by --timeout is over");
	if (rc == EXIT_NETWORK || rc == EXIT_TIMEOUT)
		a->status = 0;
}

static void post_once(void *ctx, struct str body, struct http_answer *a)
{
	struct cli *c = ctx;
	uint64_t left = cli_left_ms(c);

	if (cli_open_http(c) || left == 0)
		*a = (struct http_answer){.why = "no time"};
	else if (http_call(c->http, "POST", "/messages", &body, (unsigned)(left > FIRST_MS ? FIRST_MS : left),
			 c->verbose, a) != HTTP_ANSWERED)
		a->status = 0;
}

static void say_refused(void *ctx, const char *client_id, const char *to, const char *error)
{
	(void)ctx;
	cli_fail(0, "%s to %s was refused: %s; it stays in the outbox as failed", client_id, to, error);
}

void local_flush_first(struct cli *c)
{
	struct outbox_way way = {.post = post_once, .refused = say_refused, .ctx = c};
	struct outbox_report report;

	if (cli_switch(c, "queue") || c->dry_run || !existing_db(c) || client_db_waiting(c->db, NULL, NULL) <= 0)
		return;
	enum outbox_end end = outbox_flush(c->db, &way, 0, &report);
	if (report.sent)
		cli_note(c, "%u from the outbox sent", report.sent);
	if (end == OUTBOX_WAITS && c->verbose)
		fprintf(stderr, "chatctl: the outbox waits: %s\n", report.why);
	cli_restart_clock(c);
}

enum outbox_end local_flush(struct cli *c, struct outbox_report *report)
{
	struct outbox_way way = {.post = post_with_retries, .refused = say_refused, .ctx = c};
	uint64_t until_us = c->deadline_us ? c->deadline_us : clock_mono_us() + 1000ull * FIRST_MS;
	enum outbox_end end = outbox_flush(c->db, &way, until_us, report);

	if (end == OUTBOX_BUSY)
		snprintf(report->why, sizeof report->why, "another process is sending what is in the outbox");
	else if (end == OUTBOX_BROKEN)
		snprintf(report->why, sizeof report->why, "%s", client_db_why(c->db));
	return end;
}

bool local_waits(struct cli *c, const char *to)
{
	return existing_db(c) && client_db_waiting(c->db, to, NULL) > 0;
}
