/* What leaves the program: notices by a command of the user's, a chat written to a file (app.h). */
#include "common/text/sanitise.h"
#include "common/wire/json.h"
#include "tui/app.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ARGS_MAX = 32, BODY_SHOWN = 200, EXPORT_PAGE = 500 };

extern char **environ;

/* A word with %f and %b replaced, on the heap. What a peer wrote is made safe, and never looks like an option. */
static char *fill_in(const char *word, size_t n, const char *from, const char *body)
{
	struct buf b;
	char *text;

	buf_init(&b, 8192);
	for (size_t i = 0; i < n; i++) {
		const char *what = word[i] == '%' && i + 1 < n ? (word[i + 1] == 'f'          ? from
									 : word[i + 1] == 'b' ? body
											      : NULL)
							       : NULL;
		if (!what) {
			buf_addc(&b, word[i]);
			continue;
		}
		i++;
		if (b.len == 0 && what[0] == '-')
			buf_addc(&b, ' ');
		sanitise(&b, (struct str){what, strnlen(what, BODY_SHOWN)}, SANITISE_LINE);
	}
	text = b.failed ? NULL : strndup(b.data ? b.data : "", b.len);
	buf_release(&b);
	return text;
}

/* Runs it without a shell, its three descriptors on /dev/null; the loop reaps it. */
static void spawn(char **args)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	pid_t pid;

	sigemptyset(&none);
	if (posix_spawn_file_actions_init(&files))
		return;
	if (posix_spawnattr_init(&attr) == 0) {
		for (int fd = 0; fd < 3; fd++)
			posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
		posix_spawnattr_setsigmask(&attr, &none);
		posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
		posix_spawnp(&pid, args[0], &files, &attr, args, environ);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&files);
}

static int copy_body(void *ctx, const struct chat_line *l)
{
	*(char **)ctx = strdup(l->m.body ? l->m.body : "");
	return 1;
}

static void run_command(struct app *a, const struct sync_event *e)
{
	const struct chat *c = model_find(&a->m, e->with);
	const char *p = a->settings.value[SETTING_NOTIFY_COMMAND];
	char *args[ARGS_MAX + 1] = {NULL}, *body = NULL;
	unsigned n = 0;

	client_db_line(a->db, e->id, copy_body, &body);
	for (p += strspn(p, " "); *p && n < ARGS_MAX; p += strspn(p, " ")) {
		size_t k = strcspn(p, " ");
		args[n++] = fill_in(p, k, c ? chat_name(c) : e->with, body ? body : "");
		p += k;
	}
	bool whole = n > 0;
	for (unsigned i = 0; i < n; i++)
		whole = whole && args[i];
	if (whole)
		spawn(args);
	for (unsigned i = 0; i < n; i++)
		free(args[i]);
	free(body);
}

void app_notify(struct app *a, const struct sync_event *e)
{
	const struct chat *c = model_find(&a->m, e->with);
	const char *how = a->settings.value[SETTING_NOTIFY];
	bool seen = c && c == a->m.chat && a->m.window.follow && !a->away && a->m.now_ms < a->active_ms + 60000;

	if (seen || (c && (c->muted || c->blocked)))
		return;
	if (strcmp(how, "bell") == 0 && a->rim.bell)
		a->rim.bell(a->rim.ctx);
	else if (strcmp(how, "command") == 0)
		run_command(a, e);
}

/* ---- export ---- */

struct export
{
	FILE *to;
	unsigned n;
	int64_t place; /* of the last one written */
};

static void add_member(struct buf *b, const char *name, const char *value)
{
	buf_addf(b, "%s\"%s\":", b->len > 1 ? "," : "", name);
	if (value && utf8_ok(str_of(value)))
		json_add_string(b, str_of(value));
	else
		buf_adds(b, "null");
}

static int export_line(void *ctx, const struct chat_line *l)
{
	struct export *x = ctx;
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_addc(&b, '{');
	add_member(&b, "id", l->m.id);
	add_member(&b, "client_id", l->m.client_id);
	add_member(&b, "from", l->m.from);
	add_member(&b, "to", l->m.to);
	add_member(&b, "kind", l->m.kind);
	add_member(&b, "body", l->m.body);
	add_member(&b, "sent_at", l->m.sent_at);
	add_member(&b, "delivered_at", l->m.delivered_at);
	add_member(&b, "read_at", l->m.read_at);
	buf_adds(&b, "}\n");
	if (!b.failed)
		fwrite(b.data, 1, b.len, x->to);
	x->place = l->place;
	x->n++;
	buf_release(&b);
	return 0;
}

/* The newest first: a page after the other, as the database gives them. */
int app_export(struct app *a, const char *path)
{
	struct export x = {0};
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), rc = 0;
	unsigned before;

	x.to = fd < 0 ? NULL : fdopen(fd, "w");
	if (!x.to) {
		model_notice(&a->m, STYLE_BAD, "%s: %s", path, strerror(errno));
		return -1;
	}
	do {
		before = x.n;
		rc = client_db_lines(a->db, a->m.chat->user, x.place, EXPORT_PAGE, export_line, &x);
	} while (rc == 0 && x.n > before && x.place > 0);
	if (fclose(x.to) || rc) {
		model_notice(&a->m, STYLE_BAD, "%s: not written whole", path);
		return -1;
	}
	model_notice(&a->m, STYLE_GOOD, "%u messages in %s, the newest first.%s", x.n, path,
		a->m.chat->complete ? "" : " Older ones are on the server: chatctl conv export has all.");
	return 0;
}
