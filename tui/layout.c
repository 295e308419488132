#include "tui/layout.h"

static int between(int low, int v, int high)
{
	return v < low ? low : v > high ? high : v;
}

struct layout layout_of(int rows, int cols, int composer, bool list)
{
	struct layout l = {
		.rows = between(1, rows, LAYOUT_ROWS_MAX), .cols = between(1, cols, LAYOUT_COLS_MAX), .divider = -1};
	int left = 0;

	rows = l.rows;
	cols = l.cols;
	l.fits = rows >= LAYOUT_ROWS_MIN && cols >= LAYOUT_COLS_MIN;
	if (!l.fits)
		return l;
	composer = between(1, composer, between(1, rows / 3, rows - 5));
	if (list && cols >= LAYOUT_LIST_FROM) {
		l.divider = between(18, cols / 4, 30);
		left = l.divider + 1;
	}
	/* From the bottom: the footer, what is written, a rule; the rest is for messages. */
	int rule = rows - 2 - composer;
	l.header = (struct rect){0, 0, 1, cols};
	l.title = (struct rect){1, left, 1, cols - left};
	l.history = (struct rect){2, left, rule - 2, cols - left};
	l.rule = (struct rect){rule, 0, 1, cols};
	l.composer = (struct rect){rule + 1, 0, composer, cols};
	l.footer = (struct rect){rows - 1, 0, 1, cols};
	if (l.divider >= 0)
		l.list = (struct rect){1, 0, rule - 1, l.divider};
	return l;
}
