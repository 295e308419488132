#include "tui/lines.h"
#include "common/text/sanitise.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { NAME_MAX_COLS = 12, STATE_WORD_COLS = 10, STATE_COLS = 3, WORDS_FROM = 56 };

void time_of_day(uint64_t ms, char out[16])
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	localtime_r(&t, &tm);
	snprintf(out, 16, "%02d:%02d", tm.tm_hour, tm.tm_min);
}

void day_of(uint64_t ms, uint64_t now_ms, char out[24])
{
	time_t t = (time_t)(ms / 1000), now = (time_t)(now_ms / 1000);
	struct tm tm, today;

	localtime_r(&t, &tm);
	localtime_r(&now, &today);
	strftime(out, 24, tm.tm_year == today.tm_year ? "%a %d %b" : "%a %d %b %Y", &tm);
}

static long day_number(uint64_t ms)
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	localtime_r(&t, &tm);
	return tm.tm_year * 366L + tm.tm_yday;
}

/* Where the parts of a line are. */
struct columns {
	int name, text, text_cols, state, state_cols;
	bool words;
};

static struct columns columns_of(const struct model *m, int cols)
{
	struct columns c = {.name = 6, .words = cols >= WORDS_FROM};
	int name = m->chat ? (int)width_columns(str_of(chat_name(m->chat))) : 3;
	int most = cols < WORDS_FROM ? 6 : NAME_MAX_COLS;

	name = name < 3 ? 3 : name > most ? most : name;
	c.text = c.name + name + 1;
	c.state_cols = c.words ? STATE_WORD_COLS : STATE_COLS;
	c.state = cols - c.state_cols;
	c.text_cols = c.state - c.text - 1;
	if (c.text_cols < 2)
		c.text_cols = 2;
	return c;
}

/* A body made safe, tabs as blanks. */
static struct buf safe_body(const char *body)
{
	struct buf safe, out;

	buf_init(&safe, SANITISE_GROWTH_MAX * strlen(body) + 1);
	sanitise(&safe, str_of(body), SANITISE_TEXT);
	buf_init(&out, 4 * safe.len + 1);
	for (size_t i = 0; i < safe.len; i++)
		safe.data[i] == '\t' ? buf_adds(&out, "    ") : buf_addc(&out, safe.data[i]);
	buf_release(&safe);
	return out;
}

/* Somewhere to draw to; g NULL: only count. */
struct canvas {
	struct grid *g;
	struct rect r;
};

static bool seen(const struct canvas *c, int row)
{
	return c->g && row >= c->r.row && row < c->r.row + c->r.rows;
}

static void draw_rule(const struct canvas *c, int row, enum style style, const char *glyph, const char *text)
{
	int width = (int)width_columns(str_of(text)), left = (c->r.cols - width - 2) / 2;

	if (!seen(c, row))
		return;
	grid_fill(c->g, row, c->r.col, c->r.cols, style, glyph);
	grid_fill(c->g, row, c->r.col + left, width + 2, style, NULL);
	grid_puts(c->g, row, c->r.col + left + 1, width, style, text);
}

static int draw_dividers(const struct canvas *c, const struct model *m, unsigned i, int row)
{
	const struct message *list = m->window.list, *x = &list[i];
	int rows = 0;
	char text[64];

	if (i == 0 || day_number(list[i - 1].at_ms) != day_number(x->at_ms)) {
		day_of(x->at_ms, m->now_ms, text);
		draw_rule(c, row + rows++, STYLE_LINE, m->glyphs->glyph[GLYPH_H], text);
	}
	bool first = i == 0 || list[i - 1].place < m->window.divider;
	if (m->window.divider > 0 && x->place >= m->window.divider && first) {
		snprintf(text, sizeof text, "%u new", model_new(m));
		draw_rule(c, row + rows++, STYLE_NEW, m->glyphs->glyph[GLYPH_NEW], text);
	}
	return rows;
}

static void draw_state(
	const struct canvas *c, const struct model *m, const struct message *x, struct columns at, int row)
{
	static const enum style style[] = {[STATE_QUEUED] = STYLE_WARN,
		[STATE_SENDING] = STYLE_DIM,
		[STATE_SENT] = STYLE_DIM,
		[STATE_DELIVERED] = STYLE_DIM,
		[STATE_READ] = STYLE_STRONG,
		[STATE_FAILED] = STYLE_BAD};
	char text[48];

	if (x->state == STATE_RECEIVED)
		return;
	const char *glyph = m->glyphs->glyph[state_glyph(x->state)];
	/* The two that everybody knows need no word. */
	bool word = at.words && x->state != STATE_SENT && x->state != STATE_DELIVERED;
	snprintf(text, sizeof text, word ? "%s %s" : "%s", glyph, state_word(x->state));
	grid_puts(c->g, row, c->r.col + at.state, at.state_cols, style[x->state], text);
}

static void draw_head(
	const struct canvas *c, const struct model *m, const struct message *x, struct columns at, int row)
{
	char time[16];
	const char *name = x->mine ? "you" : chat_name(m->chat);

	time_of_day(x->at_ms, time);
	grid_puts(c->g, row, c->r.col, 5, STYLE_DIM, time);
	grid_put(c->g, row, c->r.col + at.name, at.text - at.name - 1, x->mine ? STYLE_OWN : STYLE_NAME,
		m->glyphs->glyph[GLYPH_MORE], str_of(name));
}

/* Message i with what stands before it, from `row` on; answers its rows. */
static int draw_message(const struct canvas *c, const struct model *m, unsigned i, int row)
{
	const struct message *x = &m->window.list[i];
	struct columns at = columns_of(m, c->r.cols);
	int rows = draw_dividers(c, m, i, row), first = rows;
	struct buf body = safe_body(x->body);
	struct str s = buf_str(&body);

	for (bool more = true; more; rows++) {
		size_t next, n = width_wrap(s, (unsigned)at.text_cols, &next, &more);
		if (seen(c, row + rows)) {
			if (rows == first)
				draw_head(c, m, x, at, row + rows);
			grid_put_clean(
				c->g, row + rows, c->r.col + at.text, at.text_cols, STYLE_NORMAL, (struct str){s.p, n});
			if (!more)
				draw_state(c, m, x, at, row + rows);
		}
		s = (struct str){s.p + next, s.n - next};
	}
	buf_release(&body);
	if (x->why && x->state == STATE_FAILED) {
		if (seen(c, row + rows))
			grid_put(c->g, row + rows, c->r.col + at.text, c->r.cols - at.text, STYLE_BAD,
				m->glyphs->glyph[GLYPH_MORE], str_of(x->why));
		rows++;
	}
	if (m->selecting && m->window.chosen == (int)i)
		for (int k = first; k < rows; k++)
			if (seen(c, row + k))
				grid_style(c->g, row + k, c->r.col, c->r.cols, STYLE_CURSOR);
	return rows;
}

static int rows_of(const struct model *m, struct rect r, unsigned i)
{
	struct canvas c = {NULL, r};

	return draw_message(&c, m, i, 0);
}

void lines_draw(const struct model *m, struct grid *g, struct rect r)
{
	const struct window *w = &m->window;
	struct canvas c = {g, r};

	if (w->n == 0)
		return;
	int row = r.row + r.rows + (int)w->below;
	for (unsigned i = w->bottom + 1; i-- > 0 && row > r.row;) {
		row -= rows_of(m, r, i);
		draw_message(&c, m, i, row);
	}
	/* A chat that does not fill its room stands at the top of it. */
	if (row > r.row && w->below == 0) {
		int free_rows = row - r.row;
		for (int y = r.row; y < r.row + r.rows; y++)
			for (int x = r.col; x < r.col + r.cols; x++)
				g->cells[y * g->cols + x] = y + free_rows < r.row + r.rows
								    ? g->cells[(y + free_rows) * g->cols + x]
								    : (struct cell){" ", 1, STYLE_NORMAL};
	}
}

/* How many lines stand above what is seen, as far as is of interest. */
static int lines_above(const struct model *m, struct rect r, int enough)
{
	const struct window *w = &m->window;
	int lines = -(int)w->below - r.rows;

	for (unsigned i = w->bottom + 1; w->n > 0 && i-- > 0 && lines < enough;)
		lines += rows_of(m, r, i);
	return lines < 0 ? 0 : lines;
}

static int scroll_up(struct model *m, struct rect r, int lines)
{
	struct window *w = &m->window;
	int above = lines_above(m, r, lines), go = lines < above ? lines : above;

	for (int left = go; left > 0;) {
		int hidden = rows_of(m, r, w->bottom) - (int)w->below;
		w->follow = false;
		if (left < hidden || w->bottom == 0) {
			w->below += (unsigned)left;
			break;
		}
		left -= hidden;
		w->bottom--;
		w->below = 0;
	}
	return lines - go;
}

static int scroll_down(struct model *m, struct rect r, int lines)
{
	struct window *w = &m->window;

	while (lines > 0) {
		if ((int)w->below >= lines) {
			w->below -= (unsigned)lines;
			lines = 0;
		} else {
			lines -= (int)w->below;
			w->below = 0;
			if (w->bottom + 1 >= w->n)
				break;
			w->bottom++;
			w->below = (unsigned)rows_of(m, r, w->bottom);
		}
	}
	if (w->bottom + 1 >= w->n && w->below == 0 && w->before == 0)
		w->follow = true;
	return lines;
}

int lines_scroll(struct model *m, struct rect r, int lines)
{
	if (m->window.n == 0)
		return lines < 0 ? -lines : lines;
	return lines > 0 ? scroll_up(m, r, lines) : scroll_down(m, r, -lines);
}

void lines_show(struct model *m, struct rect r, unsigned i)
{
	struct window *w = &m->window;
	int above = 0;

	if (w->n == 0 || i >= w->n)
		return;
	/* In sight already? */
	for (unsigned k = w->bottom + 1; k-- > i;)
		above += rows_of(m, r, k);
	if (i <= w->bottom && above - (int)w->below <= r.rows && (i < w->bottom || w->below == 0))
		return;
	bool down = i >= w->bottom;
	w->below = 0;
	w->follow = false;
	if (down) {
		w->bottom = i;
	} else {
		/* At the top, as far as there is enough below. */
		int rows = 0;
		unsigned k = i;
		while (k < w->n && rows < r.rows)
			rows += rows_of(m, r, k++);
		w->bottom = k > 0 ? k - 1 : 0;
		w->below = rows > r.rows ? (unsigned)(rows - r.rows) : 0;
	}
	if (w->bottom + 1 >= w->n && w->below == 0 && w->before == 0)
		w->follow = true;
}

int lines_at(const struct model *m, struct rect r, int row)
{
	const struct window *w = &m->window;
	int total = -(int)w->below;

	for (unsigned i = w->bottom + 1; w->n > 0 && i-- > 0 && total < r.rows;)
		total += rows_of(m, r, i);
	int y = r.row + (total < r.rows ? total : r.rows) + (int)w->below;
	for (unsigned i = w->bottom + 1; w->n > 0 && i-- > 0;) {
		y -= rows_of(m, r, i);
		if (row >= y)
			return row < r.row + r.rows ? (int)i : -1;
	}
	return -1;
}

unsigned lines_below(const struct model *m)
{
	const struct window *w = &m->window;

	return w->n > 0 ? w->n - 1 - w->bottom : 0;
}
