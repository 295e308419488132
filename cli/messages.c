#include "cli/messages.h"
#include "cli/local.h"
#include "common/base/clock.h"
#include "common/msg.h"
#include <stdio.h>
#include <stdlib.h>

enum { ID_EXACT = 33, ID_PART_MIN = 6 };

cJSON *answer_json(const struct http_answer *a, bool array)
{
	cJSON *doc = a->body.data ? cJSON_ParseWithLength(a->body.data, a->body.len) : NULL;

	if (doc && (array ? cJSON_IsArray(doc) : cJSON_IsObject(doc)))
		return doc;
	cJSON_Delete(doc);
	cli_fail(EXIT_FAILED, "the server answered %d, but not as chatd does; is the URL right?", a->status);
	return NULL;
}

/* An exit code; *stop: what fn answered. */
static int walk_page(struct cli *c, struct unread_walk *w, const struct http_answer *a, int *stop)
{
	cJSON *page = answer_json(a, true), *m;

	if (!page)
		return EXIT_FAILED;
	cJSON_ArrayForEach(m, page)
	{
		if (*stop == 0)
			*stop = w->fn(w->ctx, m);
	}
	local_keep(c, page);
	cJSON_Delete(page);
	if (token_text_ok(str_of(a->next_cursor)))
		snprintf(w->next, sizeof w->next, "%s", a->next_cursor);
	return EXIT_DONE;
}

int unread_walk(struct cli *c, struct unread_walk *w)
{
	char path[256], after[65] = "";
	int rc = EXIT_DONE, stop = 0;

	snprintf(after, sizeof after, "%s", w->after ? w->after : "");
	for (unsigned n = 0; rc == EXIT_DONE && !stop && (w->pages == 0 || n < w->pages); n++) {
		struct http_answer a;
		snprintf(path, sizeof path, "/messages?limit=%u%s%s%s%s", w->limit, w->from ? "&from=" : "",
			w->from ? w->from : "", after[0] ? "&after=" : "", after);
		w->next[0] = 0;
		cli_restart_clock(c);
		rc = cli_request(c, "GET", path, NULL, true, false, &a);
		if (rc == EXIT_DONE && a.status != 204)
			rc = walk_page(c, w, &a, &stop);
		snprintf(after, sizeof after, "%s", w->next);
		http_answer_release(&a);
		if (!w->next[0])
			break;
	}
	return rc;
}

/* Ids that a part fits: one is enough to go on, two to say that it is not clear. */
struct part {
	const char *text;
	char id[2][65];
	unsigned n;
};

static int add_match(void *ctx, const char *id)
{
	struct part *p = ctx;

	for (unsigned i = 0; i < p->n; i++)
		if (strcmp(p->id[i], id) == 0)
			return 0;
	snprintf(p->id[p->n++], sizeof p->id[0], "%s", id);
	return p->n == 2;
}

static int match_part(void *ctx, const cJSON *m)
{
	struct part *p = ctx;
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(m, "id");

	return cJSON_IsString(id) && strstr(id->valuestring, p->text) ? add_match(p, id->valuestring) : 0;
}

int message_id(struct cli *c, const char *typed, const char *with, char out[65])
{
	size_t n = strlen(typed);
	struct part p = {.text = typed};
	struct unread_walk w = {.from = with, .limit = PAGE_MAX, .fn = match_part, .ctx = &p};

	if (!token_text_ok(str_of(typed)) || n < ID_PART_MIN)
		return cli_fail(EXIT_USAGE,
			"\"%.70s\" is no message id: give one as list shows it, or 6 or more characters of it", typed);
	snprintf(out, 65, "%s", typed);
	if (n >= ID_EXACT)
		return EXIT_DONE;
	int rc = unread_walk(c, &w);
	if (rc)
		return rc;
	if (p.n < 2 && local_db(c, false) && client_db_ids(c->db, typed, with, add_match, &p))
		return cli_fail(EXIT_FAILED, "%s", client_db_why(c->db));
	if (p.n > 1)
		return cli_fail(EXIT_USAGE, "%s fits more than one message: give more of the id", typed);
	if (p.n == 0)
		return cli_fail(EXIT_FAILED,
			"no message that is unread or was seen on this machine has %s in its id; give the whole id",
			typed);
	snprintf(out, 65, "%s", p.id[0]);
	return EXIT_DONE;
}

int message_mark_up_to(struct cli *c, const char *with, const char *id, struct http_answer *a)
{
	char path[128], body[96];

	snprintf(path, sizeof path, "/conversations/%s/read", with);
	snprintf(body, sizeof body, "{\"up_to\":\"%s\"}", id);
	struct str text = str_of(body);
	cli_restart_clock(c);
	return cli_request(c, "PUT", path, &text, true, false, a);
}

int message_mark(struct cli *c, const char *id)
{
	static const struct str read_true = {"{\"read\":true}", 13};
	struct http_answer a;
	char path[128];

	snprintf(path, sizeof path, "/messages/%s", id);
	int rc = cli_request(c, "PATCH", path, &read_true, true, false, &a);
	cJSON *m = rc == EXIT_DONE ? answer_json(&a, false) : NULL;
	if (rc == EXIT_DONE && !m)
		rc = EXIT_FAILED;
	cJSON_Delete(m);
	http_answer_release(&a);
	return rc;
}

/* Adds one result to those so far: `all` is -1 at first. */
static int together(int all, int one)
{
	return all < 0 || all == one ? one : EXIT_PARTLY;
}

static bool all_time_over(const struct cli *c, int code)
{
	return code == EXIT_TIMEOUT && c->timeout_given;
}

int each_line(struct cli *c, int (*fn)(struct cli *c, const char *line))
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int all = -1;

	while ((n = getline(&line, &cap, stdin)) >= 0) {
		if (n && line[n - 1] == '\n')
			line[--n] = 0;
		if (strlen(line) != (size_t)n)
			all = together(all, cli_fail(EXIT_FAILED, "a line with a NUL byte was left out"));
		else if (n) {
			cli_restart_clock(c);
			int one = fn(c, line);
			all = together(all, one);
			if (all_time_over(c, one))
				break;
		}
	}
	if (ferror(stdin))
		all = together(all, cli_fail(EXIT_FAILED, "stdin cannot be read"));
	free(line);
	return all < 0 ? EXIT_DONE : all;
}

int each_arg(struct cli *c, int (*fn)(struct cli *c, const char *arg))
{
	int all = -1;

	for (int i = 0; i < c->n_args; i++) {
		cli_restart_clock(c);
		int one = fn(c, c->args[i]);
		all = together(all, one);
		if (all_time_over(c, one))
			break;
	}
	return all < 0 ? EXIT_DONE : all;
}

static int parse_since(const char *text, uint64_t *ms)
{
	char full[40];
	uint64_t ago;

	if (duration_parse(text, &ago) == 0 && strspn(text, "0123456789.") < strlen(text)) {
		*ms = clock_wall_ms() - ago;
		return 0;
	}
	snprintf(full, sizeof full, strlen(text) == 10 ? "%.10sT00:00:00Z" : "%.39s", text);
	return clock_parse(full, strlen(full), ms);
}

int cli_since(const struct cli *c, uint64_t *ms)
{
	const char *since = cli_option(c, "since");

	if (!since || parse_since(since, ms) == 0)
		return EXIT_DONE;
	return cli_fail(EXIT_USAGE,
		"--since is a date (2026-01-31), a time (2026-01-31T08:00:00Z) or how long ago (2h), not \"%s\"",
		since);
}

bool message_since(const cJSON *m, uint64_t since_ms)
{
	const cJSON *sent = cJSON_GetObjectItemCaseSensitive(m, "sent_at");
	uint64_t ms;

	return !since_ms || !cJSON_IsString(sent) ||
	       clock_parse(sent->valuestring, strlen(sent->valuestring), &ms) != 0 || ms >= since_ms;
}
