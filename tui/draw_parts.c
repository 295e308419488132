/* What is written, and what is open over the chat (draw.h). */
#include "tui/draw.h"
#include <stdio.h>

/* ---- the composer ---- */

static int prompt_of(const struct model *m, int cols, char out[64])
{
	char name[300];
	int most = cols / 4;

	snprintf(name, sizeof name, "%s", m->chat ? chat_name(m->chat) : "");
	size_t n = width_fit(str_of(name), most > 3 ? (unsigned)most - 2 : 1, NULL);
	snprintf(out, 64, "%.*s> ", n < 56 ? (int)n : 0, name);
	return (int)width_columns(str_of(out));
}

/* Finds the line of what is written in which the cursor stands, and how many there are. */
static int lines_of(struct str s, size_t at, unsigned columns, int *cursor)
{
	int lines = 0;
	size_t from = 0;

	*cursor = 0;
	for (bool more = true; more; lines++) {
		size_t next;
		width_wrap((struct str){s.p + from, s.n - from}, columns, &next, &more);
		if (at >= from)
			*cursor = lines;
		from += next;
	}
	return lines;
}

int composer_rows(const struct model *m, int cols)
{
	char prompt[64];
	int width = prompt_of(m, cols, prompt), cursor;

	int room = cols - width - 2;
	return lines_of(edit_text(model_composer(m)), 0, room > 2 ? (unsigned)room : 2, &cursor);
}

/* How much it is, once that is of interest: when it has lines, or nears the limit. */
static void draw_count(const struct model *m, struct grid *g, struct rect r)
{
	const struct edit *e = model_composer(m);
	unsigned lines = edit_lines(e);
	bool over = e->text.len > m->limit;
	char text[96];

	if (lines < 2 && e->text.len * 2 < m->limit)
		return;
	snprintf(text, sizeof text, over ? " %u lines %s %zu of %u B: too long " : " %u lines %s %zu B ", lines,
		m->glyphs->glyph[GLYPH_DOT], e->text.len, m->limit);
	int width = (int)width_columns(str_of(text));
	if (width + 8 < r.cols)
		grid_puts(g, r.row - 1, r.col + r.cols - width - 1, width, over ? STYLE_BAD : STYLE_DIM, text);
}

void draw_composer(const struct model *m, struct grid *g, struct rect r)
{
	const struct edit *e = model_composer(m);
	char prompt[64];
	int width = prompt_of(m, r.cols, prompt), room = r.cols - width - 2, cursor, line = 0;
	size_t from = 0;

	if (room < 2)
		room = 2;
	grid_puts(g, r.row, r.col + 1, width, STYLE_STRONG, prompt);
	struct str s = edit_text(e);
	lines_of(s, e->at, (unsigned)room, &cursor);
	int top = cursor >= r.rows ? cursor - r.rows + 1 : 0;
	for (bool more = true; more; line++) {
		size_t next;
		struct str rest = {s.p + from, s.n - from};
		size_t n = width_wrap(rest, (unsigned)room, &next, &more);
		int row = r.row + line - top;
		if (line >= top && line < top + r.rows)
			grid_put_clean(g, row, r.col + 1 + width, room, STYLE_NORMAL, (struct str){rest.p, n});
		if (line == cursor && m->panel.kind == PANEL_NONE && !m->selecting) {
			int col = (int)width_columns((struct str){rest.p, e->at - from});
			g->cursor_row = row;
			g->cursor_col = r.col + 1 + width + (col < room ? col : room);
		}
		from += next;
	}
	draw_count(m, g, r);
}

/* ---- panels ---- */

static void draw_row(
	const struct model *m, struct grid *g, struct rect r, int row, const struct panel_row *x, bool chosen)
{
	const char *more = m->glyphs->glyph[GLYPH_MORE];
	bool help = m->panel.kind == PANEL_HELP || m->panel.kind == PANEL_MESSAGE;
	int left = help       ? (r.cols >= 70 ? 34 : r.cols / 2 - 2)
		   : x->right ? r.cols - (int)width_columns(str_of(x->right)) - 4
			      : r.cols - 3;

	if (help && !x->right)
		left = r.cols - 3;
	grid_put(g, row, r.col + 2, left, x->style, more, str_of(x->left));
	if (x->right && help)
		grid_put(g, row, r.col + 3 + left, r.cols - left - 4, x->style == STYLE_STRONG ? STYLE_DIM : x->style,
			more, str_of(x->right));
	else if (x->right)
		grid_put(g, row, r.col + 3 + left, r.cols - left - 3, x->style, more, str_of(x->right));
	if (chosen && !help) {
		grid_puts(g, row, r.col, 1, STYLE_CURSOR, m->glyphs->glyph[GLYPH_HERE]);
		grid_style(g, row, r.col, r.cols, STYLE_CURSOR);
	}
}

void draw_panel(const struct model *m, struct grid *g, struct rect r)
{
	const struct panel *p = &m->panel;
	int row = r.row, used;

	grid_puts(g, row++, r.col + 1, r.cols - 1, STYLE_STRONG, p->title);
	if (p->query) {
		struct str s = edit_text(&p->edit);
		used = grid_puts(g, row, r.col + 1, 2, STYLE_STRONG, "> ");
		grid_put_clean(g, row, r.col + 1 + used, r.cols - 2 - used, STYLE_NORMAL, s);
		g->cursor_row = row;
		used += (int)width_columns((struct str){s.p, p->edit.at});
		g->cursor_col = r.col + 1 + (used < r.cols - 2 ? used : r.cols - 2);
		row++;
	}
	int rows = r.row + r.rows - row;
	bool help = p->kind == PANEL_HELP || p->kind == PANEL_MESSAGE;
	/* Help scrolls by its chosen row at the top, a list just keeps it in sight. */
	unsigned top = help ? p->chosen : p->chosen >= (unsigned)rows ? p->chosen - (unsigned)rows + 1 : 0;
	if (p->n == 0 && p->hint[0])
		grid_puts(g, row, r.col + 2, r.cols - 2, STYLE_DIM, p->hint);
	for (int i = 0; i < rows && top + (unsigned)i < p->n; i++)
		draw_row(m, g, r, row + i, &p->rows[top + (unsigned)i], top + (unsigned)i == p->chosen);
	if (top + (unsigned)(rows > 0 ? rows : 0) < p->n)
		grid_puts(g, r.row, r.col + r.cols - 7, 6, STYLE_DIM, "more v");
}
