/* chatui: options, then the screen (here) or the line mode (plain.c). One loop: the terminal, the engine, signals; one drawing a turn. */
#include "common/base/clock.h"
#include "tui/app.h"
#include "tui/input.h"
#include "tui/plain.h"
#include "tui/screen.h"
#include "tui/setup.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char usage[] =
	"Usage: chatui [-c CONTEXT] [--plain] [--theme dark|light|mono] [--glyphs auto|unicode|ascii]\n"
	"\n"
	"Chat on a terminal. The first time it asks for server and account; contexts are\n"
	"shared with chatctl. On the screen F1 or ? shows all keys and commands.\n"
	"\n"
	"  -c, --context NAME   use this context (CHAT_CONTEXT; else the one in use)\n"
	"      --plain          lines instead of a screen; also when TERM is dumb\n"
	"      --theme NAME     dark, light or mono, this time\n"
	"      --glyphs NAME    unicode or ascii, this time\n"
	"  -h, --help           this help\n"
	"      --version        the version\n"
	"\n"
	"Exit status: 0 done, 1 failed, 2 wrong usage, 4 not logged in.\n";

struct options {
	const char *context, *theme, *glyphs;
	bool plain;
};

/* For the manual page, which has no list of its own. */
static void print_commands(void)
{
	for (int i = 0; i < COMMAND_COUNT; i++) {
		printf(".It Ic /%s", commands[i].name);
		if (commands[i].args[0])
			printf(" No %s", commands[i].args);
		printf("\n%s\n", commands[i].help);
	}
}

/* 0: go on; else an exit status + 1. */
static int read_options(int argc, char **argv, struct options *o)
{
	static const struct option table[] = {{"context", required_argument, NULL, 'c'},
		{"plain", no_argument, NULL, 'p'}, {"theme", required_argument, NULL, 't'},
		{"glyphs", required_argument, NULL, 'g'}, {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'}, {"man", no_argument, NULL, 'm'}, {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "c:h", table, NULL)) != -1) {
		if (c == 'c') {
			o->context = optarg;
		} else if (c == 'p') {
			o->plain = true;
		} else if (c == 't') {
			o->theme = optarg;
		} else if (c == 'g') {
			o->glyphs = optarg;
		} else if (c == 'h') {
			fputs(usage, stdout);
			return 1;
		} else if (c == 'v') {
			puts("chatui " CHAT_VERSION);
			return 1;
		} else if (c == 'm') {
			print_commands();
			return 1;
		} else {
			return 3;
		}
	}
	if (optind == argc)
		return 0;
	fprintf(stderr, "chatui: what is %s? See: chatui --help\n", argv[optind]);
	return 3;
}

/* Before any thread: they inherit what is blocked. */
static int open_signals(void)
{
	sigset_t set;
	static const int all[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT, SIGCHLD, SIGUSR1};

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		sigaddset(&set, all[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* ---- what the app asks of the terminal ---- */

static void rim_bell(void *ctx)
{
	(void)ctx;
	screen_bell();
}

static int rim_copy(void *ctx, struct str text)
{
	(void)ctx;
	return screen_copy(text);
}

static void rim_looks(void *ctx)
{
	struct app *a = ctx;
	const char *glyphs = a->settings.value[SETTING_GLYPHS], *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
	bool plain = !screen_is_utf8() || (term && strcmp(term, "linux") == 0);

	a->m.theme = theme_find(no_color && *no_color ? "mono" : a->settings.value[SETTING_THEME]);
	a->m.glyphs = glyphs_find(strcmp(glyphs, "auto") != 0 ? glyphs : plain ? "ascii" : "unicode");
	screen_looks(a->m.theme, settings_yes(&a->settings, SETTING_MOUSE));
}

static void suspend(void)
{
	screen_leave();
	kill(0, SIGSTOP);
	screen_return();
}

/* ---- $EDITOR ---- */

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* The command's words, the file behind them; without a shell. 0 when it ended well. */
static int run_editor(const char *path)
{
	const char *command = getenv("VISUAL");
	char words[512], *args[18] = {NULL}, *rest = words;
	posix_spawnattr_t attr;
	sigset_t none;
	pid_t pid;
	int n = 0, rc = -1;

	if (!command || !*command)
		command = getenv("EDITOR");
	snprintf(words, sizeof words, "%s", command && *command ? command : "vi");
	for (char *w; n < 16 && (w = strsep(&rest, " "));)
		if (*w)
			args[n++] = w;
	args[n] = strdup(path);
	sigemptyset(&none);
	if (n > 0 && args[n] && posix_spawnattr_init(&attr) == 0) {
		posix_spawnattr_setsigmask(&attr, &none);
		posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
		if (posix_spawnp(&pid, args[0], NULL, &attr, args, environ) == 0)
			rc = wait_for(pid);
		posix_spawnattr_destroy(&attr);
	}
	free(args[n]);
	return rc;
}

static int write_all(int fd, struct str text)
{
	for (size_t at = 0; at < text.n;) {
		ssize_t n = write(fd, text.p + at, text.n - at);
		if (n <= 0)
			return -1;
		at += (size_t)n;
	}
	return 0;
}

static void read_back(struct app *a, struct edit *e, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = fd < 0 ? NULL : malloc(EDIT_ROOM + 1);
	ssize_t n, len = 0;

	while (text && len <= EDIT_ROOM && (n = read(fd, text + len, (size_t)(EDIT_ROOM + 1 - len))) > 0)
		len += n;
	if (fd >= 0)
		close(fd);
	while (text && len > 0 && text[len - 1] == '\n')
		len--;
	if (!text || edit_set(e, (struct str){text, (size_t)len}))
		model_notice(&a->m, STYLE_BAD, "What the editor wrote does not fit in here.");
	free(text);
	app_edited(a);
}

static void edit_outside(struct app *a)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	struct edit *e = a->m.chat && a->m.panel.kind == PANEL_NONE ? a->m.chat->edit : NULL;
	char path[512];
	int fd;

	if (!e) {
		model_notice(&a->m, STYLE_WARN, "Choose a chat first.");
		return;
	}
	snprintf(path, sizeof path, "%s/chatui-XXXXXX", dir && *dir ? dir : "/tmp");
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0 || write_all(fd, edit_text(e))) {
		model_notice(&a->m, STYLE_BAD, "%.400s: %s", path, strerror(errno));
	} else {
		screen_leave();
		int rc = run_editor(path);
		screen_return();
		if (rc == 0)
			read_back(a, e, path);
		else
			model_notice(&a->m, STYLE_BAD, "The editor failed; is $EDITOR right? The text is as it was.");
	}
	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
}

static void log_in(struct app *a)
{
	char why[256];

	if (setup_run(&a->profile, true, why) == 0)
		app_post(a, &(struct sync_job){.work = SYNC_RECONNECT, .text = a->profile.token});
	screen_redraw();
}

/* ---- the loop ---- */

static void on_input(struct app *a, const struct input *in)
{
	switch (in->kind) {
	case INPUT_KEY:
		app_key(a, in->key);
		break;
	case INPUT_PASTE:
		app_paste(a, in->paste);
		break;
	case INPUT_PRESS:
		app_mouse(a, MOUSE_PRESS, in->row, in->col);
		break;
	case INPUT_WHEEL_UP:
		app_mouse(a, MOUSE_UP, in->row, in->col);
		break;
	case INPUT_WHEEL_DOWN:
		app_mouse(a, MOUSE_DOWN, in->row, in->col);
		break;
	case INPUT_FOCUS:
	case INPUT_BLUR:
		app_focus(a, in->kind == INPUT_FOCUS);
		break;
	}
}

static void on_signals(struct app *a, int signals)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof info) == sizeof info) {
		int sig = (int)info.ssi_signo;
		if (sig == SIGTERM || sig == SIGHUP || sig == SIGINT || sig == SIGQUIT)
			a->wish = WISH_QUIT;
		else if (sig == SIGTSTP)
			a->wish = WISH_SUSPEND;
		else if (sig == SIGCONT)
			a->wish = WISH_REDRAW;
		else if (sig == SIGCHLD)
			while (waitpid(-1, NULL, WNOHANG) > 0)
				;
	}
}

/* Does what the app wished; true: it is over. */
static bool fulfil(struct app *a)
{
	enum app_wish w = a->wish;

	a->wish = WISH_NOTHING;
	if (w == WISH_EDITOR)
		edit_outside(a);
	else if (w == WISH_SUSPEND)
		suspend();
	else if (w == WISH_REDRAW)
		screen_redraw();
	else if (w == WISH_LOGIN)
		log_in(a);
	return w == WISH_QUIT;
}

static int run_screen(struct app *a, int signals)
{
	struct grid g = {0};
	struct input in;
	bool over = false;
	/* The first picture comes from the disk, before anything is heard of the server. */
	screen_size(&a->rows, &a->cols);
	app_turn(a);
	if (a->m.n_chats > 0)
		app_open_chat(a, a->m.chats[0]);

	while (!over) {
		a->m.now_ms = clock_wall_ms();
		screen_size(&a->rows, &a->cols);
		app_turn(a);
		if (draw(&a->m, &g, a->rows, a->cols) == 0)
			screen_draw(&g);
		struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
			{.fd = sync_fd(a->sync), .events = POLLIN}, {.fd = signals, .events = POLLIN}};
		poll(fds, 3, app_wait_ms(a));
		a->m.now_ms = clock_wall_ms();
		if (fds[2].revents)
			on_signals(a, signals);
		if (fds[1].revents)
			app_events(a);
		/* Keys of one burst are drawn once; what changes who gets them ends it. */
		while (a->wish == WISH_NOTHING && input_next(&in))
			on_input(a, &in);
		if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
			a->wish = WISH_QUIT;
		over = fulfil(a);
	}
	grid_release(&g);
	return 0;
}

/* Opens the screen, asks for a login when there is none, and chats. An exit status. */
static int with_screen(struct app *a, struct profile *p, int signals)
{
	char why[256];
	int rc;

	if (screen_open(why)) {
		fprintf(stderr, "chatui: %s\n", why);
		return 1;
	}
	input_open();
	a->rim = (struct app_rim){.bell = rim_bell, .copy = rim_copy, .looks = rim_looks, .ctx = a};
	rim_looks(a);
	rc = p->token[0] ? 0 : setup_run(p, false, why);
	if (rc == 0) {
		rc = app_open(a, p, why);
		if (rc == 0)
			rc = run_screen(a, signals);
	}
	screen_close();
	input_close();
	if (rc < 0)
		fprintf(stderr, "chatui: %s\n", why);
	return rc < 0 ? 1 : 0;
}

static int without_screen(struct app *a, const struct profile *p, int signals)
{
	char why[256];

	if (!p->token[0]) {
		fprintf(stderr,
			"chatui: context %s has no login. Make one:\n"
			"  chatctl -c %s register USER --url URL\n  chatctl -c %s login USER --url URL\n",
			p->name, p->name, p->name);
		return 4;
	}
	if (app_open(a, p, why)) {
		fprintf(stderr, "chatui: %s\n", why);
		return 1;
	}
	return plain_run(a, signals);
}

static int find_context(struct profile *p, const char *name, char why[256])
{
	char current[65];

	if (!name || !*name)
		name = getenv("CHAT_CONTEXT");
	if (!name || !*name) {
		profile_current(current);
		name = current;
	}
	if (!profile_name_ok(name)) {
		snprintf(why, 256, "%.40s is no name for a context", name);
		return -1;
	}
	int rc = profile_load(p, name, why);
	if (rc == 1) {
		*p = (struct profile){0};
		snprintf(p->name, sizeof p->name, "%s", name);
		if (getenv("CHAT_URL"))
			snprintf(p->url, sizeof p->url, "%s", getenv("CHAT_URL"));
	}
	return rc < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	static struct app app;
	struct options o = {0};
	struct profile p = {0};
	const char *term = getenv("TERM");
	char why[256];
	int rc = read_options(argc, argv, &o), signals;

	if (rc)
		return rc - 1;
	setlocale(LC_ALL, "");
	if (find_context(&p, o.context, why)) {
		fprintf(stderr, "chatui: %s\n", why);
		return 2;
	}
	model_init(&app.m);
	settings_init(&app.settings);
	if (settings_load(&app.settings, &app.m.keys, why))
		fprintf(stderr, "chatui: %s\n", why);
	if ((o.theme && settings_set(&app.settings, "theme", o.theme, why)) ||
		(o.glyphs && settings_set(&app.settings, "glyphs", o.glyphs, why))) {
		fprintf(stderr, "chatui: %s\n", why);
		return 2;
	}
	signals = open_signals();
	if (o.plain || !term || strcmp(term, "dumb") == 0 || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		rc = without_screen(&app, &p, signals);
	else
		rc = with_screen(&app, &p, signals);
	app_close(&app);
	close(signals);
	return rc;
}
