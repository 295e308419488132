/* A picture of the screen: cells of at most one character that takes room. Whoever draws, draws here; screen.h brings it to the terminal. Pure. */
#ifndef CHAT_TUI_GRID_H
#define CHAT_TUI_GRID_H
#include "common/base/buf.h"
#include "common/text/width.h"
#include "tui/layout.h"
#include "tui/theme.h"

struct cell {
	char text[PIECE_MAX]; /* empty: the right half of the cell before */
	uint8_t columns;      /* 1, 2; 0: right half */
	uint8_t style;        /* enum style */
};
struct grid {
	int rows, cols;
	struct cell *cells;         /* rows * cols, heap */
	int cursor_row, cursor_col; /* -1: hidden */
};
/* Blank, of that size. 0, or -1: no memory (the grid is as it was). */
int grid_reset(struct grid *g, int rows, int cols);
void grid_release(struct grid *g);
/* Draws text, made safe (one line of it), from there on within `columns`; answers the columns used. What does not fit ends with `more` (NULL: just ends). */
int grid_put(struct grid *g, int row, int col, int columns, enum style style, const char *more, struct str text);
int grid_puts(struct grid *g, int row, int col, int columns, enum style style, const char *text);
/* The same for text that has been made safe, or that the user wrote: pieces (width.h) as they are. */
int grid_put_clean(struct grid *g, int row, int col, int columns, enum style style, struct str text);
/* Fills a row's piece with that glyph, or with blanks. */
void grid_fill(struct grid *g, int row, int col, int columns, enum style style, const char *glyph);
/* Gives cells that are there another style. */
void grid_style(struct grid *g, int row, int col, int columns, enum style style);
/* The text of a row without blanks at its end, for tests and for lines. */
int grid_text(const struct grid *g, int row, struct buf *out);
#endif
