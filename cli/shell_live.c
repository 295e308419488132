#include "cli/local.h"
#include "cli/people.h"
#include "cli/shell.h"
#include "common/base/clock.h"
#include "common/client/stream.h"
#include "common/msg.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IN_MAX = 8 << 20, ASK_MS = 3000 };

/* ---- inside ---- */

struct listener {
	struct cli *cli;
	struct stream *stream;
	FILE *out;
	pid_t shell;
	char user[33], acked[65];
	bool asked;
};

static const char *text_of(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
	return cJSON_IsString(v) ? v->valuestring : "";
}

/* 0, or -1: nobody reads it any more. */
static int tell(struct listener *l, cJSON *o)
{
	char *text = cJSON_PrintUnformatted(o);

	cJSON_Delete(o);
	if (text)
		fprintf(l->out, "%s\n", text);
	free(text);
	return fflush(l->out);
}

static void tell_state(struct listener *l, const char *state, const char *why)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "state", state);
	cJSON_AddStringToObject(o, "why", why ? why : "");
	(void)tell(l, o);
}

/* What is worth knowing at the beginning: how much is unread, and whose names may be completed. */
static void ask_once(struct listener *l)
{
	struct http_answer a;

	l->asked = true;
	l->cli->retries = 0;
	l->cli->deadline_us = clock_mono_us() + ASK_MS * 1000;
	int rc = cli_request(l->cli, "GET", "/messages?limit=1", NULL, true, true, &a);
	if (rc == EXIT_DONE && a.unread_total > 0) {
		cJSON *o = cJSON_CreateObject();
		cJSON_AddNumberToObject(o, "unread", (double)a.unread_total);
		(void)tell(l, o);
	}
	http_answer_release(&a);
	if (people_are_old(l->cli))
		people_refresh(l->cli);
}

/* All up to the cursor is on disk and told to the shell: now it counts as delivered. */
static void ack(struct listener *l, const char *cursor)
{
	char op[128];

	if (!token_text_ok(str_of(cursor)))
		return;
	snprintf(op, sizeof op, "{\"op\":\"ack\",\"cursor\":\"%s\"}", cursor);
	(void)stream_send(l->stream, op);
	if (l->acked != cursor)
		snprintf(l->acked, sizeof l->acked, "%s", cursor);
}

static int on_message(struct listener *l, const cJSON *m, const char *cursor)
{
	local_keep(l->cli, m);
	if (strcmp(text_of(m, "to"), l->user) != 0)
		return 0;
	cJSON *o = cJSON_CreateObject();
	cJSON_AddItemToObject(o, "message", cJSON_Duplicate(m, true));
	if (tell(l, o))
		return 1;
	ack(l, cursor);
	return 0;
}

static int on_event(void *ctx, const char *ev, const cJSON *event)
{
	struct listener *l = ctx;

	if (strcmp(ev, "welcome") == 0) {
		snprintf(l->user, sizeof l->user, "%s", text_of(event, "user"));
	} else if (strcmp(ev, "live") == 0) {
		ack(l, l->acked); /* one may have been lost with the connection before */
		tell_state(l, "online", NULL);
		if (!l->asked)
			ask_once(l);
	} else if (strcmp(ev, "message") == 0) {
		return on_message(l, cJSON_GetObjectItemCaseSensitive(event, "message"), text_of(event, "cursor"));
	}
	return 0;
}

static void on_state(void *ctx, enum stream_state s, const char *why)
{
	if (s == STREAM_WAITING)
		tell_state(ctx, "offline", why);
}

static int on_tick(void *ctx)
{
	const struct listener *l = ctx;

	return getppid() != l->shell;
}

static void run_stream(struct listener *l)
{
	int code;

	if (stream_run(l->stream, 0, 0) != STREAM_REFUSED)
		return;
	code = stream_close_code(l->stream);
	tell_state(l, code == 4401 || code == 401 ? "expired" : "refused", stream_why(l->stream));
}

static void listen_to(struct listener *l)
{
	const struct profile *p = &l->cli->profile;
	struct stream_handler h = {.event = on_event, .state = on_state, .tick = on_tick, .ctx = l};

	l->stream = stream_new(p->url, p->token, p->cacert, NULL, &h);
	if (!l->stream) {
		tell_state(l, "refused", "out of memory, or that is no address");
		return;
	}
	stream_pin(l->stream, p->pin);
	run_stream(l);
}

static void be_live(struct cli *c, int out, pid_t shell)
{
	struct listener l = {.cli = c, .shell = shell, .out = fdopen(out, "w")};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGTSTP, SIG_DFL);
	c->verbose = false;
	c->quiet = true;
	c->http = c->admin = NULL;
	c->db = NULL;
	c->db_tried = false;
	if (l.out)
		listen_to(&l);
	_exit(0);
}

/* ---- outside ---- */

int live_start(struct live *l, struct cli *c)
{
	int said[2];
	pid_t shell = getpid();

	if (pipe2(said, O_CLOEXEC))
		return cli_fail(-1, "cannot listen: %s", strerror(errno));
	fflush(NULL);
	l->pid = fork();
	if (l->pid == 0) {
		close(said[0]);
		be_live(c, said[1], shell);
	}
	close(said[1]);
	if (l->pid < 0) {
		close(said[0]);
		l->pid = 0;
		return cli_fail(-1, "cannot listen: %s", strerror(errno));
	}
	fcntl(said[0], F_SETFL, O_NONBLOCK);
	l->fd = said[0];
	buf_init(&l->in, IN_MAX);
	return 0;
}

bool live_read(struct live *l)
{
	char chunk[16384];
	ssize_t n = read(l->fd, chunk, sizeof chunk);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	return n > 0 && buf_add(&l->in, chunk, (size_t)n) == 0;
}

cJSON *live_next(struct live *l)
{
	const char *end = l->in.len ? memchr(l->in.data, '\n', l->in.len) : NULL;

	if (!end)
		return NULL;
	size_t n = (size_t)(end - l->in.data);
	cJSON *o = cJSON_ParseWithLength(l->in.data, n);
	buf_consume(&l->in, n + 1);
	return o ? o : cJSON_CreateObject();
}

void live_end(struct live *l)
{
	if (!l->pid)
		return;
	kill(l->pid, SIGTERM);
	while (waitpid(l->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(l->fd);
	buf_release(&l->in);
	l->fd = -1;
	l->pid = 0;
}
