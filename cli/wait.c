#include "cli/wait.h"
#include "cli/out.h"
#include "common/client/stream.h"
#include <stdio.h>

struct waiting {
	struct cli *cli;
	const char *id, *to;
	enum wait_state state;
	bool reached;
	int failed; /* exit code of a request that failed */
};

static const char *const words[] = {"", "sent", "delivered", "read"};

int wait_parse(const struct cli *c, enum wait_state *out)
{
	const char *word = cli_option(c, "wait");

	*out = WAIT_NOT;
	for (enum wait_state s = WAIT_SENT; word && s <= WAIT_READ; s++)
		if (strcmp(words[s], word) == 0)
			*out = s;
	if (word && *out == WAIT_NOT)
		return cli_fail(EXIT_USAGE, "--wait is sent, delivered or read, not \"%s\"", word);
	return EXIT_DONE;
}

static bool is_text(const cJSON *o, const char *name, const char *value)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
	return cJSON_IsString(v) && (!value || strcmp(v->valuestring, value) == 0);
}

/* What the server knows now. */
static void look(struct waiting *w)
{
	struct http_answer a;
	char path[128];

	snprintf(path, sizeof path, "/messages/%s", w->id);
	w->failed = cli_request(w->cli, "GET", path, NULL, true, true, &a);
	cJSON *m = w->failed ? NULL : cJSON_Parse(a.body.data);
	w->reached = is_text(m, "read_at", NULL) || (w->state == WAIT_DELIVERED && is_text(m, "delivered_at", NULL));
	if (w->failed && w->failed != EXIT_NETWORK && w->failed != EXIT_TIMEOUT)
		cli_answer(&a, false);
	cJSON_Delete(m);
	http_answer_release(&a);
}

/* A receipt names a message up to which it counts, and ids have no order that we know: the server is asked. */
static int on_event(void *ctx, const char *ev, const cJSON *event)
{
	struct waiting *w = ctx;
	bool receipt = strcmp(ev, "receipt") == 0 && is_text(event, "with", w->to);

	if (receipt && (w->state == WAIT_DELIVERED || is_text(event, "state", "read")) &&
		(is_text(event, "id", w->id) || is_text(event, "up_to", w->id)))
		w->reached = true;
	else if (receipt || strcmp(ev, "live") == 0)
		look(w);
	return w->reached || (w->failed && w->failed != EXIT_NETWORK && w->failed != EXIT_TIMEOUT);
}

int wait_for(struct cli *c, const char *id, const char *to, enum wait_state state)
{
	struct waiting w = {.cli = c, .id = id, .to = to, .state = state};
	struct stream_handler h = {.event = on_event, .ctx = &w};

	if (state < WAIT_DELIVERED)
		return EXIT_DONE;
	struct stream *s = stream_new(c->profile.url, c->profile.token, c->profile.cacert, NULL, &h);
	if (!s)
		return cli_fail(EXIT_FAILED, "cannot wait: out of memory, or %s is no address", c->profile.url);
	stream_pin(s, c->profile.pin);
	enum stream_end end = stream_run(s, c->deadline_us, 0);
	int rc = EXIT_DONE;
	if (end == STREAM_TIMEOUT)
		rc = cli_fail(EXIT_TIMEOUT, "sent as %s, but not yet %s", id, words[state]);
	else if (end != STREAM_DONE)
		rc = cli_fail(end == STREAM_FAILED ? EXIT_NETWORK : EXIT_AUTH,
			"sent as %s, but cannot wait for more: %s", id, stream_why(s));
	else if (!w.reached)
		rc = w.failed;
	stream_free(s);
	return rc;
}
