#include "tui/plain.h"
#include "common/base/clock.h"
#include "common/text/sanitise.h"
#include "tui/lines.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SHOWN_AT_FIRST = 10, OWN_MAX = 64, LINE_ROOM = 262144 };

struct plain {
	struct app *app;
	struct chat *chat; /* the one whose lines have been shown */
	char said[256];    /* the last notice */
	enum link link;
	struct {
		char client_id[65];
		enum state state;
	} own[OWN_MAX]; /* my messages whose way is still told */
	unsigned n_own;
	int64_t seen; /* place of the newest of the other side's that was shown */
	struct buf line;
	bool end, broken;
};

/* A line of text made safe; more lines of a message are indented. */
static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
	struct buf safe;
	char *text;
	va_list args;

	va_start(args, fmt);
	int n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n < 0)
		return;
	buf_init(&safe, SANITISE_GROWTH_MAX * (size_t)n + 1);
	if (sanitise(&safe, (struct str){text, (size_t)n}, SANITISE_TEXT) == 0)
		for (size_t i = 0; i < safe.len; i++) {
			putchar(safe.data[i]);
			if (safe.data[i] == '\n')
				fputs("    ", stdout);
		}
	putchar('\n');
	buf_release(&safe);
	free(text);
}

static void say_message(const struct plain *p, const struct message *x)
{
	char time[16];

	time_of_day(x->at_ms, time);
	say("%s %s: %s", time, x->mine ? "you" : chat_name(p->chat), x->body);
	if (x->why && x->state == STATE_FAILED)
		say("  failed: %s", x->why);
}

/* How what I wrote gets on, told once for each state that it reaches; quiet: only remembered. */
static void follow(struct plain *p, const struct message *x, bool quiet)
{
	unsigned i = 0;

	while (i < p->n_own && strcmp(p->own[i].client_id, x->client_id) != 0)
		i++;
	if (i == p->n_own) {
		if (p->n_own == OWN_MAX)
			memmove(p->own, p->own + 1, --p->n_own * sizeof *p->own);
		i = p->n_own++;
		snprintf(p->own[i].client_id, sizeof p->own[i].client_id, "%s", x->client_id);
		p->own[i].state = STATE_RECEIVED;
	}
	if (p->own[i].state == x->state)
		return;
	p->own[i].state = x->state;
	if (quiet)
		return;
	if (x->state == STATE_FAILED)
		say("  (failed: %s) %.40s", x->why ? x->why : "", x->body);
	else if (x->state != STATE_SENDING)
		say("  (%s) %.40s", state_word(x->state), x->body);
}

/* The chosen chat: its last messages when it has been opened, then what is new since the last turn. */
static void show_chat(struct plain *p)
{
	const struct model *m = &p->app->m;
	const struct window *w = &m->window;
	bool opened = m->chat != p->chat;

	if (!m->chat)
		return;
	if (opened) {
		p->chat = m->chat;
		p->n_own = 0;
		p->seen = 0;
		say("--- chat with %s%s ---", chat_name(m->chat), m->chat->online ? ", online" : "");
	}
	for (unsigned i = 0; i < w->n; i++) {
		const struct message *x = &w->list[i];
		bool late = i + OWN_MAX >= w->n;
		if (opened ? i + SHOWN_AT_FIRST >= w->n : !x->mine && x->place > p->seen)
			say_message(p, x);
		if (x->mine && x->client_id[0] && late)
			follow(p, x, opened);
		if (!x->mine && x->place > p->seen)
			p->seen = x->place;
	}
}

static void show_panel(struct plain *p)
{
	struct panel *x = &p->app->m.panel;

	/* A search that waits for its answer. */
	if (x->kind == PANEL_NONE || (x->kind == PANEL_SEARCH && x->n == 0 && !x->hint[0]))
		return;
	if (x->kind == PANEL_SWITCHER)
		say("Which chat? Write /msg NAME.");
	else
		say("--- %s ---", x->title);
	if (x->n == 0 && x->hint[0])
		say("%s", x->hint);
	for (unsigned i = 0; i < x->n; i++)
		say("%s%s%s", x->rows[i].left, x->rows[i].right ? "    " : "",
			x->rows[i].right ? x->rows[i].right : "");
	panel_close(x);
}

static void show_news(struct plain *p)
{
	struct model *m = &p->app->m;
	char words[160];

	if (m->notice[0] && strcmp(m->notice, p->said) != 0)
		say("* %s", m->notice);
	snprintf(p->said, sizeof p->said, "%s", m->notice);
	if (m->link != p->link) {
		p->link = m->link;
		link_words(m, words);
		say("* %s", words);
	}
	show_panel(p);
	show_chat(p);
	fflush(stdout);
}

static void on_message(void *ctx, const struct sync_event *e)
{
	struct plain *p = ctx;
	const struct chat *c = model_find(&p->app->m, e->with);

	if (!p->app->m.chat || strcmp(p->app->m.chat->user, e->with) != 0)
		say("* a message from %s; /msg %s opens the chat", c ? chat_name(c) : e->with, e->with);
}

static void bell(void *ctx)
{
	(void)ctx;
	if (isatty(STDOUT_FILENO))
		putchar('\a');
}

static void submit(struct plain *p, struct str text)
{
	struct app *a = p->app;
	struct line l;

	a->active_ms = a->m.now_ms;
	line_parse(text, &l);
	if (l.kind == LINE_TEXT && !a->m.chat)
		say("* Choose a chat first: /msg NAME");
	else if (l.kind == LINE_TEXT)
		app_send(a, a->m.chat->user, l.text);
	else if (l.kind == LINE_COMMAND)
		app_command(a, &l);
	else if (l.kind == LINE_WRONG)
		say("* %s", l.why);
	if (a->wish == WISH_EDITOR || a->wish == WISH_LOGIN)
		say("* Not in the line mode; chatctl login renews a login.");
	p->end = a->wish == WISH_QUIT;
	a->wish = WISH_NOTHING;
}

static void read_lines(struct plain *p)
{
	char *room = buf_reserve(&p->line, 65536), *nl;
	ssize_t n = room ? read(STDIN_FILENO, room, 65536) : -1;

	if (n <= 0) {
		if (p->line.len > 0 && n == 0)
			submit(p, buf_str(&p->line));
		p->broken = n < 0;
		p->end = true;
		return;
	}
	p->line.len += (size_t)n;
	while (!p->end && p->line.len > 0 && (nl = memchr(p->line.data, '\n', p->line.len))) {
		size_t k = (size_t)(nl - p->line.data);
		submit(p, (struct str){p->line.data, k});
		buf_consume(&p->line, k + 1);
	}
}

static void on_signals(struct plain *p, int signals)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof info) == sizeof info) {
		int sig = (int)info.ssi_signo;
		if (sig == SIGTERM || sig == SIGHUP || sig == SIGINT || sig == SIGQUIT)
			p->end = true;
		else if (sig == SIGTSTP)
			kill(0, SIGSTOP);
		else if (sig == SIGCHLD)
			while (waitpid(-1, NULL, WNOHANG) > 0)
				;
	}
}

int plain_run(struct app *a, int signals)
{
	struct plain p = {.app = a, .link = LINK_BROKEN};

	buf_init(&p.line, LINE_ROOM);
	a->rim = (struct app_rim){.bell = bell, .message = on_message, .ctx = &p};
	a->rows = 24;
	a->cols = 80;
	app_turn(a);
	say("%s at %s. /msg NAME opens a chat, /help lists the commands, /quit ends.", a->m.user, a->m.host);
	while (!p.end) {
		a->m.now_ms = clock_wall_ms();
		app_turn(a);
		show_news(&p);
		struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
			{.fd = sync_fd(a->sync), .events = POLLIN}, {.fd = signals, .events = POLLIN}};
		poll(fds, 3, app_wait_ms(a));
		a->m.now_ms = clock_wall_ms();
		if (fds[2].revents)
			on_signals(&p, signals);
		if (fds[1].revents)
			app_events(a);
		if (fds[0].revents)
			read_lines(&p);
	}
	buf_release(&p.line);
	return p.broken ? 1 : 0;
}
