#include "tui/grid.h"
#include "common/text/sanitise.h"
#include <stdlib.h>

int grid_reset(struct grid *g, int rows, int cols)
{
	if (rows != g->rows || cols != g->cols || !g->cells) {
		struct cell *cells = malloc((size_t)rows * (size_t)cols * sizeof *cells);
		if (!cells)
			return -1;
		free(g->cells);
		*g = (struct grid){.rows = rows, .cols = cols, .cells = cells};
	}
	for (int i = 0; i < rows * cols; i++)
		g->cells[i] = (struct cell){" ", 1, STYLE_NORMAL};
	g->cursor_row = g->cursor_col = -1;
	return 0;
}

void grid_release(struct grid *g)
{
	free(g->cells);
	*g = (struct grid){0};
}

static struct cell *at(struct grid *g, int row, int col)
{
	return row >= 0 && row < g->rows && col >= 0 && col < g->cols ? &g->cells[row * g->cols + col] : NULL;
}

int grid_put_clean(struct grid *g, int row, int col, int columns, enum style style, struct str text)
{
	int used = 0;
	struct piece p;

	for (size_t n; (n = width_piece(text, &p)); text.p += n, text.n -= n) {
		struct cell *c = at(g, row, col + used);
		if (p.columns == 0)
			continue;
		if (!c || used + (int)p.columns > columns || (p.columns == 2 && !at(g, row, col + used + 1)))
			break;
		*c = (struct cell){.columns = (uint8_t)p.columns, .style = (uint8_t)style};
		memcpy(c->text, p.text, PIECE_MAX);
		if (p.columns == 2)
			c[1] = (struct cell){.columns = 0, .style = (uint8_t)style};
		used += (int)p.columns;
	}
	return used;
}

int grid_put(struct grid *g, int row, int col, int columns, enum style style, const char *more, struct str text)
{
	struct buf safe;
	int used = 0;
	/* What cannot be seen need not be looked at. */
	size_t most = (size_t)(columns > 0 ? columns : 0) * PIECE_MAX;

	if (text.n > most)
		text.n = most;
	buf_init(&safe, SANITISE_GROWTH_MAX * text.n + 1);
	if (sanitise(&safe, text, SANITISE_LINE) == 0 && columns > 0) {
		struct str s = buf_str(&safe);
		int room = more ? (int)width_columns(str_of(more)) : 0;
		bool cut = more && (int)width_columns(s) > columns && columns > room;
		used = grid_put_clean(g, row, col, cut ? columns - room : columns, style, s);
		if (cut)
			used += grid_put_clean(g, row, col + used, room, style, str_of(more));
	}
	buf_release(&safe);
	return used;
}

int grid_puts(struct grid *g, int row, int col, int columns, enum style style, const char *text)
{
	return grid_put(g, row, col, columns, style, NULL, str_of(text));
}

void grid_fill(struct grid *g, int row, int col, int columns, enum style style, const char *glyph)
{
	for (int i = 0; i < columns; i++)
		grid_put_clean(g, row, col + i, 1, style, str_of(glyph ? glyph : " "));
}

void grid_style(struct grid *g, int row, int col, int columns, enum style style)
{
	for (int i = 0; i < columns; i++) {
		struct cell *c = at(g, row, col + i);
		if (c)
			c->style = (uint8_t)style;
	}
}

int grid_text(const struct grid *g, int row, struct buf *out)
{
	int last = g->cols;

	while (last > 0 && strcmp(g->cells[row * g->cols + last - 1].text, " ") == 0)
		last--;
	for (int i = 0; i < last; i++)
		buf_adds(out, g->cells[row * g->cols + i].text);
	return out->failed ? -1 : 0;
}
