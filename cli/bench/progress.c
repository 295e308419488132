#include "cli/bench/progress.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TTY_NS UINT64_C(250000000)
#define PLAIN_NS UINT64_C(5000000000)
enum { BAR = 16, LINE_MAX_ = 240 };

void progress_init(struct progress *p, bool quiet)
{
	const char *term = getenv("TERM");
	struct winsize size;

	memset(p, 0, sizeof *p);
	p->quiet = quiet;
	p->tty = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
	p->columns = p->tty && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

bool progress_due(const struct progress *p, uint64_t now)
{
	return !p->quiet && now - p->last >= (p->tty ? TTY_NS : PLAIN_NS);
}

static const char *duration(double us, char room[16])
{
	if (us <= 0)
		return "-";
	if (us < 10000)
		snprintf(room, 16, "%.2fms", us / 1e3);
	else if (us < 1e6)
		snprintf(room, 16, "%.0fms", us / 1e3);
	else
		snprintf(room, 16, "%.1fs", us / 1e6);
	return room;
}

static void bar(double done, char room[BAR + 3])
{
	unsigned full = done >= 1 ? BAR : (unsigned)(done * BAR);

	room[0] = '[';
	for (unsigned i = 0; i < BAR; i++)
		room[1 + i] = i < full ? '#' : '.';
	strcpy(room + 1 + BAR, "]");
}

void progress_show(struct progress *p, uint64_t now, const struct progress_now *w)
{
	char line[LINE_MAX_], b[BAR + 3] = "", p50[16], p99[16];

	if (p->quiet)
		return;
	p->last = now;
	if (w->done >= 0)
		bar(w->done, b);
	int n = snprintf(line, sizeof line,
		"%-10s %s%s%u sockets  wanted %.0f/s  answered %.0f/s  errors %llu  end to end p50 %s p99 %s", w->phase,
		b, *b ? " " : "", w->sockets, w->wanted, w->acked, (unsigned long long)w->errors,
		duration(w->e2e_p50_us, p50), duration(w->e2e_p99_us, p99));
	if (!p->tty) {
		fprintf(stderr, "%s\n", line);
		return;
	}
	if (n >= (int)p->columns)
		line[p->columns - 1] = 0;
	fprintf(stderr, "\r%s\033[K", line);
	p->drawn = true;
}

void progress_clear(struct progress *p)
{
	if (p->drawn)
		fputs("\r\033[K", stderr);
	p->drawn = false;
}
