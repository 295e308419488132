/* Where everything is on a screen of a given size. Pure. */
#ifndef CHAT_TUI_LAYOUT_H
#define CHAT_TUI_LAYOUT_H
#include <stdbool.h>

enum {
	LAYOUT_ROWS_MIN = 6,
	LAYOUT_COLS_MIN = 20,
	LAYOUT_LIST_FROM = 64, /* columns from which the list of chats has room beside the messages */
	LAYOUT_ROWS_MAX = 500,
	LAYOUT_COLS_MAX = 1000,
};
struct rect {
	int row, col, rows, cols; /* rows 0: not shown */
};
struct layout {
	bool fits; /* false: the terminal is too small for anything */
	int rows, cols;
	struct rect header, list, title, history, rule, composer, footer;
	int divider; /* column of the line between list and messages; -1: none */
};
/* composer: the lines that it would like; it gets at most a third of the screen. list: it is wanted. */
struct layout layout_of(int rows, int cols, int composer, bool list);
#endif
