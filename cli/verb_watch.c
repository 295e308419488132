#include "cli/out.h"
#include "common/base/clock.h"
#include "common/client/stream.h"
#include "common/msg.h"
#include <stdio.h>
#include <unistd.h>

struct watch {
	struct cli *cli;
	struct out out;
	struct stream *stream;
	const char *with;
	unsigned count; /* 0: no end */
	bool live_said;
};

static const char *text_of(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
	return cJSON_IsString(v) ? v->valuestring : "";
}

static int on_event(void *ctx, const char *ev, const cJSON *event)
{
	struct watch *w = ctx;
	const cJSON *m = cJSON_GetObjectItemCaseSensitive(event, "message");
	char ack[128];

	if (strcmp(ev, "message") != 0 || strcmp(text_of(m, "to"), w->cli->profile.user) != 0)
		return 0;
	if (w->with && strcmp(text_of(m, "from"), w->with) != 0)
		return 0;
	if (out_item(&w->out, m))
		return 1;
	/* It is on stdout: now it counts as delivered. */
	snprintf(ack, sizeof ack, "{\"op\":\"ack\",\"cursor\":\"%.64s\"}", text_of(event, "cursor"));
	(void)stream_send(w->stream, ack);
	return w->count && w->out.n >= w->count;
}

static void on_state(void *ctx, enum stream_state s, const char *why)
{
	struct watch *w = ctx;

	if (w->cli->quiet)
		return;
	if (s == STREAM_WAITING)
		fprintf(stderr, "chatctl: %s; trying again\n", why && *why ? why : "not connected");
	else if (s == STREAM_LIVE && !w->live_said && isatty(STDERR_FILENO))
		fprintf(stderr, "chatctl: watching as %s; Ctrl-C ends\n", w->cli->profile.user);
	w->live_said = w->live_said || s == STREAM_LIVE;
}

static int exit_of_close(int code)
{
	return code == 4401 || code == 4403 || code == 401 || code == 403 ? EXIT_AUTH
	       : code == 4409                                             ? EXIT_BUSY
									  : EXIT_FAILED;
}

static int exec_watch(struct cli *c)
{
	struct watch w = {.cli = c, .with = cli_option(c, "with")};
	struct stream_handler h = {.event = on_event, .state = on_state, .ctx = &w};
	int rc = cli_number(c, "count", 1, 1000000000, 0, &w.count);

	if (rc)
		return rc;
	if (w.with && !user_name_ok(str_of(w.with)))
		return cli_fail(EXIT_USAGE, "\"%s\" is no user name", w.with);
	if (!c->mode_given && !c->format)
		c->mode = OUT_TEXT;
	else if (c->mode == OUT_JSON)
		c->mode = OUT_JSONL; /* a stream has no end to close an array at */
	out_begin(&w.out, c, message_columns, false);
	w.stream = stream_new(c->profile.url, c->profile.token, c->profile.cacert, NULL, &h);
	if (!w.stream)
		return cli_fail(EXIT_FAILED, "cannot start: out of memory, or %s is no address", c->profile.url);
	switch (stream_run(w.stream, c->deadline_us, 0)) {
	case STREAM_DONE:
		rc = w.out.failed ? EXIT_FAILED : EXIT_DONE;
		break;
	case STREAM_TIMEOUT:
		rc = EXIT_TIMEOUT;
		break;
	case STREAM_REFUSED:
		rc = cli_fail(exit_of_close(stream_close_code(w.stream)), "the server ended it (%d): %s",
			stream_close_code(w.stream), stream_why(w.stream));
		break;
	case STREAM_FAILED:
		rc = cli_fail(EXIT_NETWORK, "%s", stream_why(w.stream));
	}
	stream_free(w.stream);
	return rc;
}

static const struct cli_option options[] = {
	{"with", 0, "USER", "only what this user sends", COMPLETE_NONE, false},
	{"count", 0, "N", "end after N messages", COMPLETE_NONE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_watch = {
	.name = "watch",
	.args = "",
	.summary = "print messages as they come",
	.text = "Prints what is sent to you from now on, each message once, in order, flushed at once; goes on by "
		"itself after a break without a gap. What was printed is "
		"acknowledged: the sender sees it as delivered. --timeout bounds the waiting: exit 124 when it is "
		"over. -o json prints JSON lines.",
	.examples = "chatctl watch\nreply=$(chatctl watch --with bob --count 1 --timeout 60s --format '%b')",
	.options = options,
	.need = NEED_LOGIN,
	.exec = exec_watch,
};
