#include "tui/draw.h"
#include "tui/lines.h"
#include <stdio.h>

/* ---- words ---- */

static unsigned seconds_until(const struct model *m, uint64_t ms)
{
	return ms > m->now_ms ? (unsigned)((ms - m->now_ms + 999) / 1000) : 0;
}

void link_words(const struct model *m, char out[160])
{
	unsigned s = seconds_until(m, m->retry_ms);

	switch (m->link) {
	case LINK_CONNECTING:
		snprintf(out, 160, "connecting");
		break;
	case LINK_CATCHING_UP:
		snprintf(out, 160, m->caught_up ? "catching up, %u" : "catching up", m->caught_up);
		break;
	case LINK_ONLINE:
		snprintf(out, 160, m->rtt_ms ? "online %ums" : "online", m->rtt_ms);
		break;
	case LINK_OFFLINE:
		snprintf(out, 160, s ? "offline, next try in %us" : "offline, trying", s);
		break;
	case LINK_DRAINING:
		snprintf(out, 160, "server restarts, back in %us", s);
		break;
	case LINK_LOGIN:
		snprintf(out, 160, "login expired: /login");
		break;
	case LINK_REFUSED:
		snprintf(out, 160, "refused: /reconnect");
		break;
	case LINK_BROKEN:
		snprintf(out, 160, "cannot write to disk");
		break;
	}
}

void presence_words(const struct model *m, const struct chat *c, char out[64])
{
	char day[24], time[16], today[24];

	out[0] = 0;
	if (c->presence && c->online) {
		snprintf(out, 64, "online");
	} else if (c->presence && c->seen_ms) {
		time_of_day(c->seen_ms, time);
		day_of(c->seen_ms, m->now_ms, day);
		day_of(m->now_ms, m->now_ms, today);
		snprintf(out, 64, "last seen %s%s%s", strcmp(day, today) == 0 ? "" : day,
			strcmp(day, today) == 0 ? "" : " ", time);
	}
}

static const char *glyph(const struct model *m, enum glyph g)
{
	return m->glyphs->glyph[g];
}

/* ---- header ---- */

static void draw_header(const struct model *m, struct grid *g, struct rect r)
{
	static const enum style style[] = {[LINK_CONNECTING] = STYLE_WARN,
		[LINK_CATCHING_UP] = STYLE_WARN,
		[LINK_ONLINE] = STYLE_HEADER,
		[LINK_OFFLINE] = STYLE_BAD,
		[LINK_DRAINING] = STYLE_WARN,
		[LINK_LOGIN] = STYLE_BAD,
		[LINK_REFUSED] = STYLE_BAD,
		[LINK_BROKEN] = STYLE_BAD};
	char who[320], link[160], unread[80], time[16];
	unsigned chats, n = model_unread(m, &chats);

	grid_fill(g, r.row, r.col, r.cols, STYLE_HEADER, NULL);
	time_of_day(m->now_ms, time);
	link_words(m, link);
	snprintf(who, sizeof who, "%s@%s", m->user, m->host);
	unread[0] = 0;
	if (n)
		snprintf(unread, sizeof unread, r.cols < 60 ? "%u new" : "%u unread in %u chat%s", n, chats,
			chats == 1 ? "" : "s");
	/* From the right; what must be seen first: the state of the connection, then what is unread, then the clock, then who one is. */
	int right = r.cols, room;
	if (r.cols >= 50) {
		right -= 6;
		grid_puts(g, r.row, right, 5, STYLE_HEADER, time);
	}
	room = (int)width_columns(str_of(unread));
	if (room > 0) {
		right -= room + 2;
		grid_puts(g, r.row, right, room, STYLE_HEADER, unread);
	}
	room = (int)width_columns(str_of(link)) + 2;
	int name = right - room - 3, used = 0;
	if (name >= 4)
		used = grid_put(g, r.row, 1, name < 34 ? name : 34, STYLE_HEADER, glyph(m, GLYPH_MORE),
			str_of(r.cols < 60 ? m->user : who));
	int col = used + 3 < right ? used + 3 : 1;
	enum style s = style[m->link];
	grid_puts(g, r.row, col, 1, s,
		glyph(m, m->link == LINK_ONLINE                             ? GLYPH_ONLINE
			 : m->link == LINK_OFFLINE || m->link >= LINK_LOGIN ? GLYPH_ALERT
									    : GLYPH_AWAY));
	grid_put(g, r.row, col + 2, right - col - 3, s, glyph(m, GLYPH_MORE), str_of(link));
}

/* ---- list of chats ---- */

static void when_words(const struct model *m, uint64_t ms, char out[16])
{
	char day[24], today[24];

	out[0] = 0;
	if (!ms)
		return;
	day_of(ms, m->now_ms, day);
	day_of(m->now_ms, m->now_ms, today);
	if (strcmp(day, today) == 0)
		time_of_day(ms, out);
	else if (m->now_ms > ms && m->now_ms - ms < 6 * 86400000ULL)
		snprintf(out, 16, "%.3s", day);
	else
		snprintf(out, 16, "%.6s", day + 4);
}

static void draw_chat(const struct model *m, struct grid *g, struct rect r, int row, const struct chat *c)
{
	bool here = c == m->chat;
	enum style style = here ? STYLE_CURSOR : c->unread && !c->muted ? STYLE_STRONG : STYLE_NORMAL;
	char time[16], right[64];

	when_words(m, c->last_ms, time);
	snprintf(right, sizeof right, "%s%s",
		c->failed   ? "!"
		: c->queued ? glyph(m, GLYPH_QUEUED)
			    : "",
		c->muted ? glyph(m, GLYPH_MUTED) : "");
	if (c->unread)
		snprintf(right + strlen(right), sizeof right - strlen(right), " %u", c->unread);
	else if (!here && ((c->edit && c->edit->text.len) || (!c->edit && c->draft)))
		snprintf(right + strlen(right), sizeof right - strlen(right), " draft");
	snprintf(right + strlen(right), sizeof right - strlen(right), " %5s", time);
	int width = (int)width_columns(str_of(right)), name = r.cols - width - 3;
	grid_fill(g, row, r.col, r.cols, style, NULL);
	grid_puts(g, row, r.col, 1, style, here ? glyph(m, GLYPH_HERE) : " ");
	int used = grid_put(g, row, r.col + 1, name, style, glyph(m, GLYPH_MORE), str_of(chat_name(c)));
	if (c->online)
		grid_puts(g, row, r.col + 2 + used, 1, here ? style : STYLE_GOOD, glyph(m, GLYPH_ONLINE));
	grid_puts(g, row, r.col + r.cols - width, width, style, right);
}

static void draw_list(const struct model *m, struct grid *g, struct layout l)
{
	struct rect r = l.list;
	int here = m->chat ? model_index(m, m->chat) : 0, rows = r.rows - 1;
	/* The chosen one is always in sight. */
	int top = here >= rows ? here - rows + 1 : 0;

	grid_puts(g, r.row, r.col + 1, r.cols - 1, STYLE_DIM, "CHATS");
	for (int i = 0; i < rows && top + i < (int)m->n_chats; i++)
		draw_chat(m, g, r, r.row + 1 + i, m->chats[top + i]);
	if (top + rows < (int)m->n_chats) {
		char more[32];
		snprintf(more, sizeof more, "%d more below", (int)m->n_chats - top - rows);
		grid_puts(g, r.row, r.col + r.cols - 15, 15, STYLE_DIM, more);
	}
	for (int y = r.row; y < r.row + r.rows; y++)
		grid_puts(g, y, l.divider, 1, STYLE_LINE, glyph(m, GLYPH_V));
}

/* ---- the chat ---- */

static void draw_title(const struct model *m, struct grid *g, struct rect r)
{
	const struct chat *c = m->chat;
	char presence[64], text[400];

	if (!c)
		return;
	presence_words(m, c, presence);
	bool typing = c->typing_ms && m->now_ms < c->typing_ms + MODEL_TYPING_MS;
	int col = r.col + 1, end = r.col + r.cols;
	snprintf(text, sizeof text, c->alias[0] ? "%s (%s)" : "%s", chat_name(c), c->user);
	col += grid_put(g, r.row, col, r.cols / 2, STYLE_STRONG, glyph(m, GLYPH_MORE), str_of(text)) + 2;
	if (c->online)
		col += grid_puts(g, r.row, col, end - col, STYLE_GOOD, glyph(m, GLYPH_ONLINE)) + 1;
	snprintf(text, sizeof text, "%s%s%s", presence, c->blocked ? "  blocked" : "", c->muted ? "  muted" : "");
	col += grid_puts(g, r.row, col, end - col, STYLE_DIM, text) + 2;
	snprintf(text, sizeof text, "%s%s",
		typing              ? "typing"
		: m->window.loading ? "loading"
				    : "",
		typing || m->window.loading ? glyph(m, GLYPH_MORE) : "");
	int width = (int)width_columns(str_of(text));
	if (width > 0 && end - width - 1 > col)
		grid_puts(g, r.row, end - width - 1, width, typing ? STYLE_GOOD : STYLE_DIM, text);
}

static void draw_welcome(const struct model *m, struct grid *g, struct rect r)
{
	static const char *const none[] = {"No chats yet.", "", "Begin one: write  /msg NAME  and press Enter,",
		"or press Ctrl+K and type a name.", "", "F1 shows all keys and commands."};
	static const char *const pick[] = {"Choose a chat: Ctrl+N next, Ctrl+P previous,", "Ctrl+K by name.", "",
		"F1 shows all keys and commands."};
	static const char *const empty[] = {"Nothing has been said here yet.", "", "Write below, Enter sends."};
	const char *const *lines = m->chat ? empty : m->n_chats ? pick : none;
	int n = m->chat ? 3 : m->n_chats ? 4 : 6;

	for (int i = 0; i < n && i < r.rows; i++)
		grid_puts(g, r.row + i + (r.rows > n + 2), r.col + 2, r.cols - 2, STYLE_DIM, lines[i]);
}

/* ---- rule and footer ---- */

static void draw_rule(const struct model *m, struct grid *g, struct layout l)
{
	struct rect r = l.rule;
	char text[300];
	enum style style = STYLE_WARN;

	grid_fill(g, r.row, r.col, r.cols, STYLE_LINE, glyph(m, GLYPH_H));
	if (l.divider >= 0)
		grid_puts(g, r.row, l.divider, 1, STYLE_LINE, glyph(m, GLYPH_CORNER));
	if (m->notice[0] && m->now_ms < m->notice_until_ms) {
		snprintf(text, sizeof text, " %s ", m->notice);
		style = m->notice_style;
	} else if (m->chat && m->panel.kind == PANEL_NONE && !m->window.follow && m->window.n > 0) {
		char end[128];
		unsigned below = lines_below(m);
		keymap_keys(&m->keys, ACTION_NEWEST, 1, end);
		if (m->window.before)
			snprintf(text, sizeof text, " older messages; %s: newest ", end);
		else
			snprintf(text, sizeof text, " %u below; %s: newest ", below, end);
	} else if (m->link == LINK_OFFLINE && m->link_why[0]) {
		snprintf(text, sizeof text, " %s ", m->link_why);
	} else {
		return;
	}
	grid_put(g, r.row, 2, r.cols - 4, style, glyph(m, GLYPH_MORE), str_of(text));
}

struct hint {
	int action;
	const char *what;
};

static void draw_hints(
	const struct model *m, struct grid *g, struct rect r, const char *const *text, const struct hint *hints)
{
	char keys[128], piece[200], help[64];
	int col = r.col + 1, end = r.col + r.cols;

	/* Help is named whatever the room. */
	snprintf(help, sizeof help, r.cols < 60 ? "? help" : "? help");
	end -= (int)strlen(help) + 1;
	for (int i = 0; text ? text[i] != NULL : hints[i].what != NULL; i++) {
		if (text) {
			snprintf(piece, sizeof piece, "%s", text[i]);
		} else {
			if (keymap_keys(&m->keys, hints[i].action, 1, keys) == 0)
				continue;
			snprintf(piece, sizeof piece, "%s %s", keys, hints[i].what);
		}
		int width = (int)width_columns(str_of(piece));
		if (col + width + 2 > end)
			break;
		col += grid_puts(g, r.row, col, width, STYLE_FOOTER, piece) + 2;
	}
	if (!text)
		grid_puts(g, r.row, col, (int)strlen(help), STYLE_FOOTER, help);
}

static void draw_footer(const struct model *m, struct grid *g, struct rect r)
{
	static const struct hint normal[] = {{ACTION_SEND, "send"}, {ACTION_SWITCHER_OR_CUT, "chats"},
		{ACTION_NEXT_UNREAD, "next unread"}, {ACTION_NEWLINE, "newline"}, {ACTION_SEARCH, "search"},
		{ACTION_SELECT, "choose message"}, {ACTION_QUIT, "quit"}, {0, NULL}};
	static const char *const choosing[] = {
		"Up Down choose", "Esc back", "c copy", "r send again", "i details", "d drop", NULL};
	static const char *const panel[] = {"Up Down choose", "Enter open", "Esc back", "PgUp PgDn", NULL};
	static const char *const help[] = {"Up Down PgUp PgDn scroll", "Esc back", "? writes a ?", NULL};
	static const char *const vim[] = {
		"NORMAL", "i write", "j k scroll", "J K chats", "G newest", "/ search", "? help", NULL};
	const char *const *text = m->panel.kind == PANEL_HELP   ? help
				  : m->panel.kind != PANEL_NONE ? panel
				  : m->selecting                ? choosing
				  : m->vim_normal               ? vim
								: NULL;

	grid_fill(g, r.row, r.col, r.cols, STYLE_FOOTER, NULL);
	draw_hints(m, g, r, text, normal);
}

struct layout draw_layout(const struct model *m, int rows, int cols)
{
	return layout_of(rows, cols, composer_rows(m, cols), true);
}

int draw(const struct model *m, struct grid *g, int rows, int cols)
{
	struct layout l = draw_layout(m, rows, cols);

	if (grid_reset(g, l.rows, l.cols))
		return -1;
	if (!l.fits) {
		grid_puts(g, 0, 0, l.cols, STYLE_WARN, "too small: 20x6");
		return 0;
	}
	draw_header(m, g, l.header);
	if (m->panel.kind != PANEL_NONE) {
		struct rect all = {l.title.row, 0, l.rule.row - l.title.row, l.cols};
		draw_panel(m, g, all);
		l.divider = -1;
	} else {
		if (l.divider >= 0)
			draw_list(m, g, l);
		draw_title(m, g, l.title);
		if (m->window.n == 0 && !m->window.loading)
			draw_welcome(m, g, l.history);
		lines_draw(m, g, l.history);
	}
	draw_rule(m, g, l);
	draw_composer(m, g, l.composer);
	draw_footer(m, g, l.footer);
	return 0;
}
