#include "cli/history.h"
#include "cli/local.h"
#include "cli/messages.h"
#include "common/base/clock.h"
#include "common/msg.h"
#include <stdio.h>
#include <stdlib.h>

enum { KEPT_MAX = 500000 /* messages in memory */ };

struct kept {
	cJSON *message;
	uint64_t at_ms;  /* never later than what came after it in its conversation: that order stays */
	unsigned number; /* in the order in which they were read: newest first within a conversation */
};

struct gathering {
	struct cli *cli;
	struct history *h;
	struct kept *list;
	unsigned n, room;
	uint64_t from_ms; /* nothing older is wanted */
	int rc;
};

static const char *text_of(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
	return cJSON_IsString(v) ? v->valuestring : "";
}

static uint64_t time_of(const cJSON *m)
{
	const char *text = text_of(m, "sent_at");
	uint64_t ms = 0;

	(void)clock_parse(text, strlen(text), &ms);
	return ms;
}

static int get(struct cli *c, const char *path, bool array, cJSON **doc, char next[65])
{
	struct http_answer a;

	cli_restart_clock(c);
	int rc = cli_request(c, "GET", path, NULL, true, false, &a);
	*doc = rc == EXIT_DONE ? answer_json(&a, array) : NULL;
	if (rc == EXIT_DONE && !*doc)
		rc = EXIT_FAILED;
	snprintf(next, 65, "%s", token_text_ok(str_of(a.next_cursor)) ? a.next_cursor : "");
	http_answer_release(&a);
	return rc;
}

static int by_time(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;

	if (x->at_ms != y->at_ms)
		return x->at_ms < y->at_ms ? -1 : 1;
	return x->number > y->number ? -1 : x->number < y->number;
}

static int keep(struct gathering *g, cJSON *m, uint64_t at_ms)
{
	if (g->n == KEPT_MAX)
		return cli_fail(EXIT_FAILED, "more than %d messages: narrow it down by --since or --with", KEPT_MAX);
	if (g->n == g->room) {
		unsigned room = g->room ? 2 * g->room : 256;
		struct kept *list = realloc(g->list, room * sizeof *list);
		if (!list)
			return cli_fail(EXIT_FAILED, "out of memory");
		g->list = list;
		g->room = room;
	}
	g->list[g->n] = (struct kept){cJSON_Duplicate(m, true), at_ms, g->n};
	g->n++;
	return EXIT_DONE;
}

/* Only the newest are wanted: drops the rest, and what is older than they are is not wanted from now on. */
static void narrow(struct gathering *g)
{
	unsigned limit = g->h->limit;

	if (!limit || g->h->after || g->h->since_ms || g->n <= limit)
		return;
	qsort(g->list, g->n, sizeof *g->list, by_time);
	for (unsigned i = 0; i < g->n - limit; i++)
		cJSON_Delete(g->list[i].message);
	memmove(g->list, g->list + (g->n - limit), limit * sizeof *g->list);
	g->n = limit;
	g->h->cut = true;
	g->from_ms = g->list[0].at_ms;
}

/* One page of a conversation, the newest first. *before: how late its messages may be. false: what follows is too old. */
static bool take_page(struct gathering *g, const char *with, const cJSON *page, uint64_t *before)
{
	cJSON *m;

	cJSON_ArrayForEach(m, page)
	{
		uint64_t at_ms = time_of(m);
		*before = at_ms < *before ? at_ms : *before;
		if (*before < g->from_ms)
			return false;
		if (strcmp(text_of(m, "from"), with) == 0 && (g->rc = keep(g, m, *before)))
			return false;
	}
	return true;
}

static void take_conversation(struct gathering *g, const char *with)
{
	char path[256], at[65] = "";
	uint64_t before = UINT64_MAX;
	unsigned page_max = g->h->limit && g->h->limit < PAGE_MAX ? g->h->limit : PAGE_MAX;
	bool more = true;

	while (more && g->rc == EXIT_DONE) {
		cJSON *page;
		snprintf(path, sizeof path, "/conversations/%s/messages?limit=%u%s%s", with, page_max,
			at[0] ? "&before=" : "", at);
		g->rc = get(g->cli, path, true, &page, at);
		more = page && take_page(g, with, page, &before) && at[0];
		if (page)
			local_keep(g->cli, page);
		cJSON_Delete(page);
		narrow(g);
	}
}

/* Conversations come with the latest first: behind one whose last message is too old there is nothing. */
static void take_all(struct gathering *g)
{
	char path[128], at[65] = "";
	bool more = true;

	while (more && g->rc == EXIT_DONE) {
		cJSON *page, *v;
		snprintf(path, sizeof path, "/conversations?limit=%d%s%s", PAGE_MAX, at[0] ? "&after=" : "", at);
		g->rc = get(g->cli, path, true, &page, at);
		more = page && at[0];
		cJSON_ArrayForEach(v, page)
		{
			const char *with = text_of(v, "with");
			if (time_of(cJSON_GetObjectItemCaseSensitive(v, "last")) < g->from_ms)
				more = false;
			else if (user_name_ok(str_of(with)) && g->rc == EXIT_DONE)
				take_conversation(g, with);
		}
		cJSON_Delete(page);
	}
}

/* Where to begin: from the time of the message that --after names. */
static int find_after(struct gathering *g)
{
	char path[128], next[65];
	cJSON *m;

	snprintf(path, sizeof path, "/messages/%s", g->h->after);
	int rc = get(g->cli, path, false, &m, next);
	uint64_t at_ms = m ? time_of(m) : 0;
	if (at_ms > g->from_ms)
		g->from_ms = at_ms;
	cJSON_Delete(m);
	return rc;
}

/* The first to be shown. */
static unsigned behind(const struct gathering *g)
{
	for (unsigned i = 0; g->h->after && i < g->n; i++)
		if (strcmp(text_of(g->list[i].message, "id"), g->h->after) == 0)
			return i + 1;
	return 0;
}

int history_show(struct cli *c, struct out *out, struct history *h)
{
	struct gathering g = {.cli = c, .h = h, .from_ms = h->since_ms};

	if (h->after)
		g.rc = find_after(&g);
	if (g.rc == EXIT_DONE && h->with)
		take_conversation(&g, h->with);
	else if (g.rc == EXIT_DONE)
		take_all(&g);
	if (g.n)
		qsort(g.list, g.n, sizeof *g.list, by_time);
	unsigned i = behind(&g), end = h->limit && g.n - i > h->limit ? i + h->limit : g.n;
	h->cut = h->cut || end < g.n;
	for (; g.rc == EXIT_DONE && i < end && out_item(out, g.list[i].message) == 0; i++)
		snprintf(h->last, sizeof h->last, "%s", text_of(g.list[i].message, "id"));
	for (i = 0; i < g.n; i++)
		cJSON_Delete(g.list[i].message);
	free(g.list);
	return g.rc;
}
