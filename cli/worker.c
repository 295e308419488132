#include "cli/worker.h"
#include "cli/local.h"
#include "cli/messages.h"
#include "common/base/clock.h"
#include "common/msg.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	TRIES = 3,
	AGAIN_FIRST_MS = 500,
	AGAIN_MAX_MS = 10000,
	LOCK_MS = 2000, /* for the command of a watch that was killed to end */
	LOCK_AGAIN_MS = 20,
};

static void sleep_ms(unsigned ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000}, NULL);
}

static const char *text_of(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
	return cJSON_IsString(v) ? v->valuestring : "";
}

/* ---- beginning and end ---- */

/* One at a time for a name. Commands keep the lock open: one that outlives its watch is waited for, so that it never runs beside the next one. */
static int take_lock(struct worker *w)
{
	char path[800];
	uint64_t until_us = clock_mono_us() + LOCK_MS * 1000;

	snprintf(path, sizeof path, "%s.watch-%s", client_db_file(w->cli->db), w->name);
	w->lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	if (w->lock < 0)
		return cli_fail(EXIT_FAILED, "cannot open %s: %s", path, strerror(errno));
	while (flock(w->lock, LOCK_EX | LOCK_NB)) {
		if (clock_mono_us() >= until_us)
			return cli_fail(EXIT_FAILED, "another watch --durable %s is running", w->name);
		sleep_ms(LOCK_AGAIN_MS);
	}
	return EXIT_DONE;
}

static int begin_durable(struct worker *w)
{
	if (!profile_name_ok(w->name))
		return cli_fail(
			EXIT_USAGE, "--durable's name has 1 to 64 letters, digits and . _ - @, not \"%s\"", w->name);
	if (!local_db(w->cli, true))
		return EXIT_FAILED;
	int rc = take_lock(w);
	if (rc)
		return rc;
	w->watch = client_db_watch(w->cli->db, w->name, w->cursor);
	return w->watch < 0 ? cli_fail(EXIT_FAILED, "%s", client_db_why(w->cli->db)) : EXIT_DONE;
}

int worker_begin(struct worker *w, struct cli *c, struct out *out)
{
	const char *mark = cli_option(c, "mark");

	*w = (struct worker){
		.cli = c,
		.out = out,
		.with = cli_option(c, "with"),
		.command = cli_option(c, "exec-each"),
		.name = cli_option(c, "durable"),
		.until_empty = cli_switch(c, "until-empty"),
		.mark = mark,
		.lock = -1,
	};
	int rc = cli_number(c, "count", 1, 1000000000, 0, &w->count);
	if (rc || (rc = cli_number(c, "tries", 1, 1000, TRIES, &w->tries)))
		return rc;
	if (mark && strcmp(mark, "on-success") != 0)
		return cli_fail(EXIT_USAGE, "--mark is on-success, not \"%s\"", mark);
	if (cli_option(c, "tries") && !w->command)
		return cli_fail(EXIT_USAGE, "--tries goes with --exec-each");
	return w->name ? begin_durable(w) : EXIT_DONE;
}

void worker_end(struct worker *w, const char *cursor)
{
	/* What else came, such as receipts, need not come again. */
	if (w->name && w->at_cursor && !w->failed && strcmp(cursor, w->cursor) != 0)
		(void)client_db_watch_move(w->cli->db, w->watch, cursor);
	if (w->lock >= 0)
		close(w->lock);
}

/* ---- the command ---- */

static void run_child(struct worker *w, const cJSON *m, int in)
{
	dup2(in, STDIN_FILENO);
	for (int fd = STDERR_FILENO + 1; w->lock > fd; fd = w->lock)
		close_range((unsigned)fd, (unsigned)w->lock - 1, 0);
	close_range((unsigned)(w->lock > STDERR_FILENO ? w->lock : STDERR_FILENO) + 1, ~0u, 0);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	setenv("CHAT_ID", text_of(m, "id"), 1);
	setenv("CHAT_FROM", text_of(m, "from"), 1);
	execl("/bin/sh", "sh", "-c", w->command, (char *)NULL);
	_exit(127);
}

static void write_all(int fd, const char *p, size_t n)
{
	ssize_t k;

	/* A command need not read. */
	while (n && ((k = write(fd, p, n)) > 0 || (k < 0 && errno == EINTR))) {
		p += k > 0 ? k : 0;
		n -= k > 0 ? (size_t)k : 0;
	}
}

/* The command's wait status; -1: it could not be started. */
static int run_once(struct worker *w, const cJSON *m, const char *json)
{
	int in[2], status = -1;

	if (pipe2(in, O_CLOEXEC))
		return -1;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		run_child(w, m, in[0]);
	close(in[0]);
	if (pid > 0) {
		write_all(in[1], json, strlen(json));
		write_all(in[1], "\n", 1);
	}
	close(in[1]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 ? status : -1;
}

/* EXIT_DONE once the command has succeeded. */
static int run_command(struct worker *w, const cJSON *m)
{
	char *json = cJSON_PrintUnformatted(m);
	unsigned wait_ms = AGAIN_FIRST_MS;

	for (unsigned i = 1; json && i <= w->tries; i++) {
		int status = run_once(w, m, json);
		if (status == 0) {
			free(json);
			return EXIT_DONE;
		}
		cli_note(w->cli, "%s: the command %s %d (try %u of %u)", text_of(m, "id"),
			WIFSIGNALED(status) ? "was ended by signal" : "answered",
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), i, w->tries);
		if (i < w->tries)
			sleep_ms(wait_ms);
		wait_ms = wait_ms * 2 > AGAIN_MAX_MS ? AGAIN_MAX_MS : wait_ms * 2;
	}
	free(json);
	return cli_fail(EXIT_FAILED, "%s stays to be handled: the command failed", text_of(m, "id"));
}

/* ---- messages ---- */

/* Marks what is done with. What cannot be marked now is marked later: by the next message or the next run. */
static void mark_done(struct worker *w)
{
	char id[65];
	int rc = EXIT_DONE;

	while (w->mark && rc != EXIT_NETWORK && rc != EXIT_TIMEOUT && rc != EXIT_BUSY && rc != EXIT_AUTH &&
		client_db_watch_unmarked(w->cli->db, w->watch, id) == 0) {
		rc = message_mark(w->cli, id);
		if (rc != EXIT_NETWORK && rc != EXIT_TIMEOUT && rc != EXIT_BUSY && rc != EXIT_AUTH &&
			client_db_watch_marked(w->cli->db, w->watch, id))
			break;
	}
}

/* On disk before anything is told to the server. */
static int remember(struct worker *w, const cJSON *m, const char *cursor)
{
	struct client_message row = local_message(m);

	if (!w->name) {
		local_keep(w->cli, m);
		if (w->mark)
			(void)message_mark(w->cli, text_of(m, "id")); /* said, and no reason to stop */
		return EXIT_DONE;
	}
	if (client_db_watch_done(w->cli->db, w->watch, &row, cursor, w->mark))
		return cli_fail(EXIT_FAILED, "%s", client_db_why(w->cli->db));
	if (w->cli->verbose)
		fprintf(stderr, "chatctl: done with %s\n", text_of(m, "id"));
	mark_done(w);
	return EXIT_DONE;
}

int worker_handle(struct worker *w, const cJSON *message, const char *cursor)
{
	const char *id = text_of(message, "id");
	int known = w->name ? client_db_watch_handled(w->cli->db, w->watch, id) : 0;

	if (known > 0)
		return 0;
	if (known < 0)
		w->failed = cli_fail(EXIT_FAILED, "%s", client_db_why(w->cli->db));
	else if (w->command)
		w->failed = run_command(w, message);
	else if (out_item(w->out, message))
		w->failed = EXIT_FAILED;
	if (!w->failed)
		w->failed = remember(w, message, cursor);
	if (w->failed)
		return 1;
	w->done++;
	return w->count && w->done >= w->count;
}

static int walk_one(void *ctx, const cJSON *message)
{
	return worker_handle(ctx, message, NULL);
}

/* 1: the watch ends here. */
static int from_unread(struct worker *w)
{
	struct unread_walk walk = {.from = w->with, .limit = PAGE_MAX, .fn = walk_one, .ctx = w};
	int rc = unread_walk(w->cli, &walk);

	if (rc && !w->failed)
		w->failed = rc;
	return w->failed || (w->count && w->done >= w->count);
}

int worker_welcome(struct worker *w, const cJSON *event)
{
	const cJSON *recovered = cJSON_GetObjectItemCaseSensitive(event, "recovered");

	if (!w->name)
		return w->until_empty ? from_unread(w), 1 : 0;
	mark_done(w);
	w->at_cursor = cJSON_IsTrue(recovered);
	if (w->at_cursor)
		return 0;
	if (from_unread(w))
		return 1;
	w->at_cursor = true;
	if (client_db_watch_move(w->cli->db, w->watch, text_of(event, "cursor")))
		w->failed = cli_fail(EXIT_FAILED, "%s", client_db_why(w->cli->db));
	return w->failed != 0;
}

int worker_live(struct worker *w, const char *cursor)
{
	if (w->name && token_text_ok(str_of(cursor)) && client_db_watch_move(w->cli->db, w->watch, cursor))
		w->failed = cli_fail(EXIT_FAILED, "%s", client_db_why(w->cli->db));
	return w->failed || w->until_empty;
}
