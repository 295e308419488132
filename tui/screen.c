#include "tui/screen.h"
#include <curses.h>
#include <langinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

enum { ESCAPE_MS = 100, COPY_MAX = 74994 /* bytes: what xterm takes in base64 */ };

/* Pasting in brackets, and being told of the focus. */
static const char modes_on[] = "\033[?2004h\033[?1004h";
static const char modes_off[] = "\033[?2004l\033[?1004l";
/* What a crash leaves behind is put right without curses: mouse off, colours off, cursor on, the other screen. */
static const char crash_off[] =
	"\033[?2004l\033[?1004l\033[?1000l\033[?1002l\033[?1006l\033[0m\033[?25h\033[?1049l\r\n";

static SCREEN *screen;
static volatile sig_atomic_t is_open;
static struct termios terminal_was;
static bool colours, mouse_on;
static attr_t attributes[STYLE_COUNT];

static void send_raw(const char *text, size_t n)
{
	while (n > 0) {
		ssize_t sent = write(STDOUT_FILENO, text, n);
		if (sent <= 0)
			return;
		text += sent;
		n -= (size_t)sent;
	}
}

static void on_crash(int sig)
{
	if (is_open) {
		is_open = 0;
		send_raw(crash_off, sizeof crash_off - 1);
		tcsetattr(STDIN_FILENO, TCSANOW, &terminal_was);
	}
	signal(sig, SIG_DFL);
	raise(sig);
}

static void catch_crashes(void)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS};
	struct sigaction act = {.sa_handler = on_crash, .sa_flags = SA_RESETHAND | SA_NODEFER};

	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaction(signals[i], &act, NULL);
}

bool screen_is_utf8(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

int screen_open(char why[256])
{
	const char *term = getenv("TERM");

	if (tcgetattr(STDIN_FILENO, &terminal_was)) {
		snprintf(why, 256, "this is no terminal");
		return -1;
	}
	screen = newterm(NULL, stdout, stdin);
	if (!screen) {
		snprintf(why, 256, "the terminal type %.40s is not known here; set TERM, or use --plain",
			term ? term : "(none)");
		return -1;
	}
	is_open = 1;
	catch_crashes();
	raw();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	intrflush(stdscr, FALSE);
	set_escdelay(ESCAPE_MS);
	colours = has_colors() && start_color() == OK && use_default_colors() == OK;
	send_raw(modes_on, sizeof modes_on - 1);
	return 0;
}

void screen_close(void)
{
	if (!is_open)
		return;
	is_open = 0;
	if (mouse_on)
		mousemask(0, NULL);
	endwin();
	send_raw(modes_off, sizeof modes_off - 1);
	delscreen(screen);
	screen = NULL;
}

void screen_looks(const struct theme *t, bool mouse)
{
	for (int s = 0; colours && s < STYLE_COUNT; s++)
		init_pair((short)(s + 1), t->look[s].fg, t->look[s].bg);
	if (mouse || mouse_on)
		mousemask(mouse ? BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED : 0, NULL);
	mouseinterval(0);
	mouse_on = mouse;
	screen_redraw();
	for (int s = 0; s < STYLE_COUNT; s++) {
		attr_t a = 0;
		a |= t->look[s].attributes & LOOK_BOLD ? A_BOLD : 0;
		a |= t->look[s].attributes & LOOK_DIM ? A_DIM : 0;
		a |= t->look[s].attributes & LOOK_REVERSE ? A_REVERSE : 0;
		a |= t->look[s].attributes & LOOK_UNDERLINE ? A_UNDERLINE : 0;
		attributes[s] = a;
	}
}

/* A character that the locale or the C library does not know, or knows with another width, is a question mark as wide as its place. */
static void put_cell(int row, int col, const struct cell *c)
{
	wchar_t wide[CCHARW_MAX + 1];
	cchar_t cell;
	size_t n = mbstowcs(wide, c->text, CCHARW_MAX);
	short pair = colours ? (short)(c->style + 1) : 0;

	if (n != (size_t)-1)
		wide[n < CCHARW_MAX ? n : CCHARW_MAX] = 0;
	if (n == (size_t)-1 || n == 0 || wcwidth(wide[0]) != c->columns)
		wcscpy(wide, L"?");
	if (setcchar(&cell, wide, attributes[c->style], pair, NULL) != OK) {
		wide[1] = 0;
		setcchar(&cell, wide, attributes[c->style], pair, NULL);
	}
	mvadd_wch(row, col, &cell);
	if (c->columns == 2 && wide[0] == L'?')
		mvadd_wch(row, col + 1, &cell);
}

void screen_draw(const struct grid *g)
{
	int rows = g->rows < LINES ? g->rows : LINES, cols = g->cols < COLS ? g->cols : COLS;

	erase();
	for (int y = 0; y < rows; y++)
		for (int x = 0; x < cols; x++) {
			const struct cell *c = &g->cells[y * g->cols + x];
			if (c->columns > 0 && x + c->columns <= cols)
				put_cell(y, x, c);
		}
	if (g->cursor_row >= 0 && g->cursor_row < rows && g->cursor_col < cols) {
		curs_set(1);
		move(g->cursor_row, g->cursor_col);
	} else {
		curs_set(0);
	}
	refresh();
}

void screen_redraw(void)
{
	clearok(curscr, TRUE);
}

void screen_size(int *rows, int *cols)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0 &&
		(size.ws_row != LINES || size.ws_col != COLS))
		resizeterm(size.ws_row, size.ws_col);
	*rows = LINES;
	*cols = COLS;
}

void screen_bell(void)
{
	beep();
}

int screen_copy(struct str text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct buf b;
	int rc = -1;

	if (text.n > COPY_MAX)
		return -1;
	buf_init(&b, (size_t)COPY_MAX * 2);
	buf_adds(&b, "\033]52;c;");
	for (size_t i = 0; i < text.n; i += 3) {
		uint32_t v = (uint32_t)(unsigned char)text.p[i] << 16;
		v |= i + 1 < text.n ? (uint32_t)(unsigned char)text.p[i + 1] << 8 : 0;
		v |= i + 2 < text.n ? (unsigned char)text.p[i + 2] : 0;
		buf_addc(&b, digits[v >> 18]);
		buf_addc(&b, digits[v >> 12 & 63]);
		buf_addc(&b, i + 1 < text.n ? digits[v >> 6 & 63] : '=');
		buf_addc(&b, i + 2 < text.n ? digits[v & 63] : '=');
	}
	buf_addc(&b, '\a');
	if (!b.failed) {
		send_raw(b.data, b.len);
		rc = 0;
	}
	buf_release(&b);
	return rc;
}

void screen_leave(void)
{
	if (!is_open)
		return;
	endwin();
	send_raw(modes_off, sizeof modes_off - 1);
}

void screen_return(void)
{
	if (!is_open)
		return;
	send_raw(modes_on, sizeof modes_on - 1);
	screen_redraw();
	refresh();
}
