#include "cli/local.h"
#include "cli/worker.h"
#include "common/base/clock.h"
#include "common/client/stream.h"
#include "common/msg.h"
#include <stdio.h>
#include <unistd.h>

struct watch {
	struct cli *cli;
	struct out out;
	struct stream *stream;
	char user[33]; /* who we are, as welcome says */
	struct worker worker;
	char acked[65]; /* cursor */
	bool began, live;
	uint64_t next_flush_us;
};

enum { LOOK_MS = 1000 /* for what others put into the outbox */, AGAIN_MS = 30000 /* what could not be sent */ };

static const char *text_of(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
	return cJSON_IsString(v) ? v->valuestring : "";
}

/* All up to the cursor is on stdout, or was left out by --with: now it counts as delivered. */
static void ack(struct watch *w, const char *cursor)
{
	char op[128];

	if (!token_text_ok(str_of(cursor)))
		return;
	snprintf(op, sizeof op, "{\"op\":\"ack\",\"cursor\":\"%s\"}", cursor);
	(void)stream_send(w->stream, op);
	if (w->acked != cursor)
		snprintf(w->acked, sizeof w->acked, "%s", cursor);
}

static int on_welcome(struct watch *w, const cJSON *event)
{
	const cJSON *recovered = cJSON_GetObjectItemCaseSensitive(event, "recovered");

	snprintf(w->user, sizeof w->user, "%s", text_of(event, "user"));
	if (w->began && !cJSON_IsTrue(recovered) && !w->worker.name)
		cli_note(w->cli,
			"the server does not know where we were: something may be missing here; see: chatctl list");
	w->began = true;
	return worker_welcome(&w->worker, event);
}

static int on_event(void *ctx, const char *ev, const cJSON *event)
{
	struct watch *w = ctx;
	const cJSON *m = cJSON_GetObjectItemCaseSensitive(event, "message");

	if (strcmp(ev, "welcome") == 0)
		return on_welcome(w, event);
	/* An acknowledgement may have been lost with the connection before. */
	if (strcmp(ev, "live") == 0) {
		ack(w, w->acked);
		return worker_live(&w->worker, text_of(event, "cursor"));
	}
	if (strcmp(ev, "message") != 0 || strcmp(text_of(m, "to"), w->user) != 0)
		return 0;
	if (w->worker.with && strcmp(text_of(m, "from"), w->worker.with) != 0)
		return 0;
	int over = worker_handle(&w->worker, m, text_of(event, "cursor"));
	if (!w->worker.failed)
		ack(w, text_of(event, "cursor"));
	return over;
}

static void on_state(void *ctx, enum stream_state s, const char *why)
{
	struct watch *w = ctx;

	w->live = s == STREAM_LIVE;
	if (s == STREAM_LIVE)
		w->next_flush_us = 0;
	if (s == STREAM_WAITING)
		cli_note(w->cli, "%s; trying again", why && *why ? why : "not connected");
	else if (s == STREAM_LIVE && (w->cli->verbose || isatty(STDERR_FILENO)))
		cli_note(w->cli, "watching as %s; Ctrl-C ends", w->user);
}

/* A watch that runs sends what waits: when the connection is back, and what others append meanwhile. */
static void send_what_waits(struct watch *w)
{
	uint64_t now = clock_mono_us();

	if (!w->live || now < w->next_flush_us)
		return;
	if (local_waits(w->cli, NULL))
		local_flush_first(w->cli);
	w->next_flush_us = clock_mono_us() + 1000ull * (local_waits(w->cli, NULL) ? AGAIN_MS : LOOK_MS);
}

static int on_tick(void *ctx)
{
	out_check_reader();
	send_what_waits(ctx);
	return 0;
}

static int exit_of_close(int code)
{
	return code == 4401 || code == 4403 || code == 401 || code == 403 ? EXIT_AUTH
	       : code == 4409                                             ? EXIT_BUSY
									  : EXIT_FAILED;
}

static int run(struct watch *w)
{
	struct cli *c = w->cli;

	switch (stream_run(w->stream, c->deadline_us, c->retries + 1)) {
	case STREAM_DONE:
		return w->out.failed ? cli_fail(EXIT_FAILED, "cannot write to stdout") : w->worker.failed;
	case STREAM_TIMEOUT:
		return EXIT_TIMEOUT;
	case STREAM_REFUSED:
		return cli_fail(exit_of_close(stream_close_code(w->stream)), "the server ended it (%d): %s",
			stream_close_code(w->stream), stream_why(w->stream));
	default:
		return cli_fail(EXIT_NETWORK, "%s: %s", c->profile.url, stream_why(w->stream));
	}
}

static int exec_watch(struct cli *c)
{
	struct watch w = {.cli = c};
	struct stream_handler h = {.event = on_event, .state = on_state, .tick = on_tick, .ctx = &w};
	const char *with = cli_option(c, "with");

	if (with && !user_name_ok(str_of(with)))
		return cli_fail(EXIT_USAGE, "\"%s\" is no user name", with);
	int rc = worker_begin(&w.worker, c, &w.out);
	if (rc)
		return rc;
	if (c->mode == OUT_JSON)
		c->mode = OUT_JSONL; /* a stream has no end to close an array at */
	out_begin(&w.out, c, message_columns, false);
	out_flush();
	w.stream = stream_new(c->profile.url, c->profile.token, c->profile.cacert, w.worker.cursor, &h);
	if (!w.stream)
		return cli_fail(EXIT_FAILED, "cannot start: out of memory, or %s is no address", c->profile.url);
	stream_pin(w.stream, c->profile.pin);
	rc = run(&w);
	worker_end(&w.worker, stream_cursor(w.stream));
	stream_free(w.stream);
	return rc;
}

static const struct cli_option options[] = {
	{"with", 0, "USER", "only what this user sends", COMPLETE_USER, false},
	{"count", 0, "N", "end after N messages", COMPLETE_NONE, false},
	{"durable", 0, "NAME",
		"go on where the last watch of that name stopped; a new one begins with the unread messages",
		COMPLETE_WATCH, false},
	{"exec-each", 0, "CMD", "run CMD by sh -c for each message, in place of printing it", COMPLETE_NONE, false},
	{"tries", 0, "N", "how often CMD is tried (default 3)", COMPLETE_NONE, false},
	{"mark", 0, "on-success", "mark each message as read once it was printed, or CMD has succeeded", COMPLETE_NONE,
		false},
	{"until-empty", 0, NULL, "end when there is nothing more; without --durable that is the unread messages",
		COMPLETE_NONE, false},
	{NULL, 0, NULL, NULL, COMPLETE_NONE, false},
};

const struct verb verb_watch = {
	.name = "watch",
	.args = "",
	.summary = "print messages as they come",
	.fields = MESSAGE_FIELDS,
	.text = "Prints what is sent to you from now on, each message once, in order, flushed at once; goes on by "
		"itself after a break without a gap. What was printed is "
		"acknowledged: the sender sees it as delivered. --timeout bounds the waiting: exit 124 when it is "
		"over. -o json prints JSON lines. With --durable the place is on disk: a message is done with, "
		"acknowledged and "
		"marked only after it was printed or CMD has ended with 0, so one that was interrupted comes again; "
		"one "
		"watch of a name runs at a time. CMD gets the message's JSON on stdin, CHAT_ID and CHAT_FROM in its "
		"environment. When it fails as often as it may be tried, watch ends with 1 and begins with the same "
		"message "
		"the next time. Should the server no longer know the place, it goes on with the unread messages. While "
		"it runs, what waits in the "
		"outbox is sent.",
	.examples = "chatctl watch\nreply=$(chatctl watch --with bob --count 1 --timeout 60s --format '%b')\n"
		    "chatctl watch --durable bot --exec-each ./handle.sh --mark on-success",
	.options = options,
	.need = NEED_LOGIN,
	.exec = exec_watch,
};
