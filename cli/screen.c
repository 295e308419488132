#include "cli/screen.h"
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static const char enter[] = "\033[?1049h\033[?25l\033[H\033[2J", leave[] = "\033[?25h\033[?1049l";
static struct termios was;
static bool keys; /* stdin is a terminal: it gives keys, and was is valid */
static volatile sig_atomic_t open_now, ended, stopped;

/* No more than a signal's handler may do. */
static void give_back(void)
{
	if (!open_now)
		return;
	open_now = 0;
	if (write(STDOUT_FILENO, leave, sizeof leave - 1) < 0)
		open_now = 0;
	if (keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &was);
}

static void on_end(int sig)
{
	if (ended) {
		/* Asked twice: it must not depend on what the program waits for. */
		give_back();
		_exit(128 + sig);
	}
	ended = sig;
}

static void on_stop(int sig)
{
	(void)sig;
	stopped = 1;
}

static void on_size(int sig)
{
	(void)sig; /* it has ended the wait */
}

static void on_crash(int sig)
{
	give_back();
	signal(sig, SIG_DFL);
	raise(sig);
}

static const struct {
	int sig;
	void (*handler)(int);
} handlers[] = {{SIGINT, on_end}, {SIGTERM, on_end}, {SIGHUP, on_end}, {SIGQUIT, on_end}, {SIGALRM, on_end},
	{SIGTSTP, on_stop}, {SIGWINCH, on_size}, {SIGSEGV, on_crash}, {SIGBUS, on_crash}, {SIGABRT, on_crash},
	{SIGFPE, on_crash}};
enum { HANDLERS = sizeof handlers / sizeof *handlers };
static struct sigaction before[HANDLERS];

bool screen_possible(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

bool screen_utf8(void)
{
	return setlocale(LC_CTYPE, "") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static void take(void)
{
	struct termios raw;

	keys = tcgetattr(STDIN_FILENO, &was) == 0;
	if (keys) {
		raw = was;
		raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
		raw.c_cc[VMIN] = 1;
		raw.c_cc[VTIME] = 0;
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	open_now = 1;
	fputs(enter, stdout);
	fflush(stdout);
}

int screen_open(void)
{
	if (!screen_possible())
		return -1;
	ended = stopped = 0;
	for (unsigned i = 0; i < HANDLERS; i++) {
		struct sigaction a = {.sa_handler = handlers[i].handler};
		sigaction(handlers[i].sig, &a, &before[i]);
	}
	take();
	return 0;
}

void screen_close(void)
{
	give_back();
	for (unsigned i = 0; i < HANDLERS; i++)
		sigaction(handlers[i].sig, &before[i], NULL);
}

void screen_size(unsigned *width, unsigned *height)
{
	struct winsize w;
	bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col && w.ws_row;

	*width = known ? w.ws_col : 80;
	*height = known ? w.ws_row : 24;
}

void screen_show(struct str lines)
{
	fputs("\033[H", stdout);
	for (const char *p = lines.p, *end = lines.p + lines.n; p < end;) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		size_t n = eol ? (size_t)(eol - p) : (size_t)(end - p);
		fwrite(p, 1, n, stdout);
		fputs(eol ? "\033[K\r\n" : "\033[K", stdout);
		p += n + 1;
	}
	fputs("\033[J", stdout);
	fflush(stdout);
}

int screen_wait(unsigned ms)
{
	struct pollfd p = {.fd = keys ? STDIN_FILENO : -1, .events = POLLIN};
	char key;

	if (ended)
		return -ended;
	int n = poll(&p, 1, (int)ms);
	if (stopped) {
		stopped = 0;
		give_back();
		raise(SIGSTOP);
		take();
	}
	if (ended)
		return -ended;
	if (n <= 0 || !p.revents)
		return 0;
	/* A terminal that has gone says so for ever. */
	if (read(STDIN_FILENO, &key, 1) == 1)
		return (unsigned char)key;
	return errno == EINTR ? 0 : -SIGHUP;
}
