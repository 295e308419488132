/* What keys do (app.h). */
#include "common/base/clock.h"
#include "tui/app.h"
#include "tui/lines.h"
#include <stdio.h>
#include <stdlib.h>

enum { INTERRUPT_MS = 3000 };

/* ---- what is open over the chat ---- */

static void open_switcher(struct app *a)
{
	panel_open(&a->m.panel, PANEL_SWITCHER, "Chats: type some letters, or a user name to begin a chat", true);
	panel_switcher(&a->m.panel, &a->m);
}

static void open_help(struct app *a)
{
	panel_open(&a->m.panel, PANEL_HELP, "Keys and commands", false);
	panel_help(&a->m.panel, &a->m);
}

void app_search(struct app *a)
{
	if (a->m.panel.kind != PANEL_SEARCH)
		panel_open(&a->m.panel, PANEL_SEARCH, "Search: words, \"two together\", wor*", true);
	struct str s = edit_text(&a->m.panel.edit);
	char *words = strndup(s.p ? s.p : "", s.n);
	if (words && s.n > 0)
		a->search_job = app_post(a, &(struct sync_job){.work = SYNC_SEARCH, .text = words, .limit = 200});
	else
		panel_clear(&a->m.panel);
	free(words);
}

void app_details(struct app *a, const struct message *x)
{
	struct panel *p = &a->m.panel;
	const struct {
		const char *name;
		uint64_t ms;
	} times[] = {{"sent", x->at_ms}, {"delivered", x->delivered_ms}, {"read", x->read_ms}};
	char text[128], day[24], clock[16];

	panel_open(p, PANEL_MESSAGE, "One message", false);
	panel_add(p, STYLE_NORMAL, "from", x->mine ? "you" : a->m.chat->user);
	panel_add(p, STYLE_NORMAL, "state", x->state == STATE_RECEIVED ? "received" : state_word(x->state));
	if (x->why)
		panel_add(p, STYLE_BAD, "why", x->why);
	for (unsigned i = 0; i < 3; i++) {
		if (!times[i].ms)
			continue;
		day_of(times[i].ms, a->m.now_ms, day);
		time_of_day(times[i].ms, clock);
		snprintf(text, sizeof text, "%s %s", day, clock);
		panel_add(p, STYLE_NORMAL, times[i].name, text);
	}
	snprintf(text, sizeof text, "%zu bytes", strlen(x->body));
	panel_add(p, STYLE_NORMAL, "size", text);
	if (x->id[0])
		panel_add(p, STYLE_NORMAL, "id", x->id);
	if (x->client_id[0])
		panel_add(p, STYLE_NORMAL, "client_id", x->client_id);
}

static void choose_row(struct app *a)
{
	struct panel *p = &a->m.panel;
	struct panel_row *r = p->chosen < p->n ? &p->rows[p->chosen] : NULL;
	char with[33], id[65];

	if (!r || !r->with[0])
		return;
	memcpy(with, r->with, sizeof with);
	memcpy(id, r->id, sizeof id);
	panel_close(p);
	if (id[0])
		app_show_message(a, with, id);
	else
		app_open_chat(a, model_add(&a->m, with));
}

static void panel_edited(struct app *a)
{
	if (a->m.panel.kind == PANEL_SWITCHER)
		panel_switcher(&a->m.panel, &a->m);
	else if (a->m.panel.kind == PANEL_SEARCH)
		app_search(a);
}

void app_panel_key(struct app *a, struct key k, int action)
{
	struct panel *p = &a->m.panel;
	int page = a->rows > 8 ? a->rows - 6 : 2;

	if (p->kind == PANEL_HELP && k.code == '?' && !k.alt) {
		panel_close(p);
		app_text(a, "?");
	} else if (action == ACTION_ESCAPE || action == ACTION_INTERRUPT || (!p->query && k.code == 'q')) {
		panel_close(p);
	} else if (action == ACTION_SEND) {
		choose_row(a);
	} else if (action == ACTION_EDIT + EDIT_UP || action == ACTION_PREV_CHAT || (!p->query && k.code == 'k')) {
		panel_move(p, -1);
	} else if (action == ACTION_EDIT + EDIT_DOWN || action == ACTION_NEXT_CHAT || action == ACTION_COMPLETE ||
		   (!p->query && k.code == 'j')) {
		panel_move(p, 1);
	} else if (action == ACTION_PAGE_UP || action == ACTION_PAGE_DOWN) {
		panel_move(p, action == ACTION_PAGE_UP ? -page : page);
	} else if (p->query && action >= ACTION_EDIT) {
		if (edit_do(&p->edit, (enum edit_op)(action - ACTION_EDIT)) == 0)
			panel_edited(a);
	} else if (action != ACTION_NONE && action != ACTION_NEWLINE) {
		panel_close(p);
		app_act(a, action);
	}
}

/* ---- a chosen message ---- */

static void choose_message(struct app *a, int to)
{
	struct window *w = &a->m.window;

	if (w->n == 0)
		return;
	w->chosen = to < 0 ? 0 : to >= (int)w->n ? (int)w->n - 1 : to;
	a->m.selecting = true;
	lines_show(&a->m, app_layout(a).history, (unsigned)w->chosen);
	if (to < 0)
		app_scroll(a, ACTION_LINE_UP);
}

static void copy(struct app *a, const struct message *x)
{
	struct edit *e = a->m.chat->edit;

	buf_reset(&e->cut);
	buf_adds(&e->cut, x->body);
	bool there = settings_yes(&a->settings, SETTING_CLIPBOARD) && a->rim.copy &&
		     a->rim.copy(a->rim.ctx, str_of(x->body)) == 0;
	model_notice(&a->m, STYLE_GOOD,
		there ? "Copied: Ctrl+Y puts it in here, and the terminal's clipboard has it."
		      : "Copied: Ctrl+Y puts it in here.");
}

static void again(struct app *a, const struct message *x, bool drop)
{
	bool waits = x->state == STATE_QUEUED || x->state == STATE_FAILED;

	if (drop ? !waits : x->state != STATE_FAILED)
		model_notice(&a->m, STYLE_WARN,
			drop ? "Only what waits or has failed can be dropped: the others are sent."
			     : "Only what has failed can be sent again.");
	else
		app_post(a, &(struct sync_job){.work = drop ? SYNC_DROP : SYNC_RETRY,
				    .with = a->m.chat->user,
				    .client_id = x->client_id});
}

void app_select_key(struct app *a, struct key k)
{
	struct window *w = &a->m.window;
	int action = keymap_find(&a->m.keys, k);
	const struct message *x;

	if (!a->m.chat || w->chosen < 0 || w->chosen >= (int)w->n) {
		a->m.selecting = false;
		return;
	}
	x = &w->list[w->chosen];
	if (k.code == PRESS_UP || k.code == 'k')
		choose_message(a, w->chosen - 1);
	else if (k.code == PRESS_DOWN || k.code == 'j')
		choose_message(a, w->chosen + 1);
	else if (k.code == 'c' || k.code == 'y')
		copy(a, x);
	else if (k.code == 'r')
		again(a, x, false);
	else if (k.code == 'd')
		again(a, x, true);
	else if (k.code == 'i' || k.code == '\r')
		app_details(a, x);
	else if (action == ACTION_ESCAPE || action == ACTION_INTERRUPT || action == ACTION_SELECT || k.code == 'q')
		a->m.selecting = false;
	else if (action != ACTION_NONE && action < ACTION_EDIT)
		app_act(a, action);
}

/* ---- actions ---- */

static void interrupt(struct app *a)
{
	struct edit *e = model_edit(&a->m);

	if (e && edit_do(e, EDIT_CLEAR) == 0) {
		app_edited(a);
		model_notice(&a->m, STYLE_DIM, "Cleared; Ctrl+Y or undo brings it back.");
	} else if (a->interrupt_ms && a->m.now_ms < a->interrupt_ms + INTERRUPT_MS) {
		a->wish = WISH_QUIT;
	} else {
		a->interrupt_ms = a->m.now_ms;
		model_notice(&a->m, STYLE_WARN, "Ctrl+C again quits.");
	}
}

static const char *complete_word(void *ctx, enum word_kind k, struct str earlier, unsigned i)
{
	static const char *const contact[] = {"add", "rm", "alias"};
	static char word[64];
	const struct app *a = ctx;
	int s;

	switch (k) {
	case WORD_USER:
		return i < a->m.n_chats ? a->m.chats[i]->user : NULL;
	case WORD_CONTACT:
		return i < 3 ? contact[i] : NULL;
	case WORD_ALL:
		return i == 0 ? "all" : NULL;
	case WORD_RM:
		return i == 0 ? "rm" : NULL;
	case WORD_SETTING:
		return i < SETTING_COUNT ? setting_name((enum setting)i) : NULL;
	case WORD_ACTION:
		return i < ACTION_COUNT ? action_name((int)i) : NULL;
	case WORD_THEME:
		return i < THEME_COUNT ? themes[i].name : NULL;
	case WORD_VALUE:
		snprintf(word, sizeof word, "%.*s", (int)(earlier.n < 60 ? earlier.n : 0), earlier.p);
		s = setting_find(word);
		for (const char *p = s < 0 ? NULL : setting_words((enum setting)s); p && *p; p += strspn(p, " ")) {
			size_t n = strcspn(p, " ");
			if (i-- == 0) {
				snprintf(word, sizeof word, "%.*s", (int)n, p);
				return word;
			}
			p += n;
		}
		return NULL;
	default:
		return NULL;
	}
}

static void complete(struct app *a)
{
	struct edit *e = model_edit(&a->m);
	struct completion c;
	char list[256] = "";

	if (!e)
		return;
	line_complete((struct str){edit_text(e).p, e->at}, complete_word, a, &c);
	if (c.n == 0)
		return;
	size_t begun = e->at - c.start;
	edit_insert(e, str_of(c.common + begun), false);
	if (c.n == 1)
		edit_insert(e, STR(" "), false);
	for (unsigned i = 0; c.n > 1 && i < c.n && i < COMPLETE_LIST; i++)
		snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? "  " : "", c.list[i]);
	if (c.n > 1)
		model_notice(&a->m, STYLE_DIM, "%s%s", list, c.n > COMPLETE_LIST ? "  …" : "");
	app_edited(a);
}

static void move_chat(struct app *a, int by)
{
	struct model *m = &a->m;
	int here = m->chat ? model_index(m, m->chat) : by > 0 ? -1 : 0;

	if (m->n_chats > 0)
		app_open_chat(a, m->chats[((unsigned)(here + by) + m->n_chats) % m->n_chats]);
}

static void next_unread(struct app *a)
{
	struct chat *c = model_next_unread(&a->m);

	if (c)
		app_open_chat(a, c);
	else
		model_notice(&a->m, STYLE_DIM, "Nothing unread in another chat.");
}

static void escape(struct app *a)
{
	if (settings_yes(&a->settings, SETTING_VIM))
		a->m.vim_normal = true;
	else
		a->m.notice[0] = 0;
}

static void select_message(struct app *a)
{
	if (a->m.window.n > 0)
		choose_message(a, a->m.window.chosen >= 0 ? a->m.window.chosen : (int)a->m.window.bottom);
}

static void cut_or_switch(struct app *a)
{
	struct edit *e = model_edit(&a->m);

	if (!e || edit_do(e, EDIT_CUT_RIGHT))
		open_switcher(a);
	else
		app_edited(a);
}

static void wish(struct app *a, enum app_wish w)
{
	a->wish = w;
}

void app_act(struct app *a, int action)
{
	if (action >= ACTION_CHAT_1 && action <= ACTION_CHAT_9) {
		unsigned i = (unsigned)(action - ACTION_CHAT_1);
		app_open_chat(a, i < a->m.n_chats ? a->m.chats[i] : NULL);
		return;
	}
	switch (action) {
	case ACTION_SEND:
		app_submit(a);
		break;
	case ACTION_NEWLINE:
		app_text(a, "\n");
		break;
	case ACTION_COMPLETE:
		complete(a);
		break;
	case ACTION_EDITOR:
		wish(a, WISH_EDITOR);
		break;
	case ACTION_INTERRUPT:
		interrupt(a);
		break;
	case ACTION_SWITCHER:
		open_switcher(a);
		break;
	case ACTION_SWITCHER_OR_CUT:
		cut_or_switch(a);
		break;
	case ACTION_NEXT_UNREAD:
		next_unread(a);
		break;
	case ACTION_NEXT_CHAT:
	case ACTION_PREV_CHAT:
		move_chat(a, action == ACTION_NEXT_CHAT ? 1 : -1);
		break;
	case ACTION_SEARCH:
		app_search(a);
		break;
	case ACTION_SELECT:
		select_message(a);
		break;
	case ACTION_HELP:
		open_help(a);
		break;
	case ACTION_ESCAPE:
		escape(a);
		break;
	case ACTION_REDRAW:
		wish(a, WISH_REDRAW);
		break;
	case ACTION_SUSPEND:
		wish(a, WISH_SUSPEND);
		break;
	case ACTION_QUIT:
		wish(a, WISH_QUIT);
		break;
	case ACTION_NOTHING:
		break;
	default:
		app_scroll(a, action);
	}
}

void app_text(struct app *a, const char *text)
{
	struct edit *e = model_edit(&a->m);

	if (!e)
		return;
	if (edit_insert(e, str_of(text), false))
		model_notice(&a->m, STYLE_BAD, "No more fits here: 256 KiB.");
	if (a->m.panel.kind != PANEL_NONE)
		panel_edited(a);
	else
		app_edited(a);
}

void app_paste(struct app *a, struct str text)
{
	struct edit *e = model_edit(&a->m);

	a->active_ms = a->m.now_ms;
	if (!e) {
		return;
	}
	if (edit_insert(e, text, true))
		model_notice(&a->m, STYLE_BAD, "Not pasted: more than fits here (256 KiB).");
	else if (a->m.panel.kind == PANEL_NONE && e->text.len > a->m.limit)
		model_notice(&a->m, STYLE_WARN, "%zu bytes: one message takes %u. /editor helps to shorten it.",
			e->text.len, a->m.limit);
	if (a->m.panel.kind != PANEL_NONE)
		panel_edited(a);
	else
		app_edited(a);
}

/* A character of a key that does nothing else. */
static void type(struct app *a, struct key k)
{
	char text[5];
	uint32_t c = k.code;

	if (k.alt || k.x || c < 0x20 || c == 0x7f || c >= 0x110000)
		return;
	key_utf8(c, text);
	app_text(a, text);
}

void app_key(struct app *a, struct key k)
{
	struct edit *e;

	a->active_ms = a->m.now_ms;
	a->away = false;
	/* What was said has been read; what went wrong stays for its time. */
	if (a->m.notice_style != STYLE_BAD)
		a->m.notice[0] = 0;
	if (!a->after_x && k.code == 0x18 && !k.alt) {
		a->after_x = true;
		return;
	}
	k.x = a->after_x;
	a->after_x = false;
	if (k.code == 0x08)
		k.code = 0x7f;
	int action = keymap_find(&a->m.keys, k);
	/* A letter that is bound to nothing is text; a key bound to editing is for whoever has a line. */
	if (a->m.panel.kind != PANEL_NONE && (action != ACTION_NONE || !a->m.panel.query)) {
		app_panel_key(a, k, action);
	} else if (a->m.panel.kind == PANEL_NONE && a->m.selecting) {
		app_select_key(a, k);
	} else if (a->m.panel.kind == PANEL_NONE && a->m.vim_normal) {
		app_vim(a, k);
	} else if (action >= ACTION_EDIT) {
		e = model_edit(&a->m);
		if (e && edit_do(e, (enum edit_op)(action - ACTION_EDIT)) == 0)
			app_edited(a);
	} else if (action != ACTION_NONE) {
		app_act(a, action);
	} else if (k.code == '?' && !k.alt && a->m.panel.kind == PANEL_NONE &&
		   (!(e = model_edit(&a->m)) || e->text.len == 0)) {
		open_help(a);
	} else {
		type(a, k);
	}
}

void app_focus(struct app *a, bool here)
{
	a->away = !here;
	if (here)
		a->active_ms = a->m.now_ms;
}

void app_mouse(struct app *a, enum mouse what, int row, int col)
{
	struct layout l = app_layout(a);

	a->active_ms = a->m.now_ms;
	if (a->m.panel.kind != PANEL_NONE) {
		panel_move(&a->m.panel, what == MOUSE_UP ? -3 : what == MOUSE_DOWN ? 3 : 0);
		return;
	}
	if (what != MOUSE_PRESS) {
		for (int i = 0; i < 3; i++)
			app_scroll(a, what == MOUSE_UP ? ACTION_LINE_UP : ACTION_LINE_DOWN);
	} else if (l.divider >= 0 && col < l.divider && row > l.list.row && row < l.list.row + l.list.rows) {
		int here = a->m.chat ? model_index(&a->m, a->m.chat) : 0, rows = l.list.rows - 1;
		int i = row - l.list.row - 1 + (here >= rows ? here - rows + 1 : 0);
		if (i < (int)a->m.n_chats)
			app_open_chat(a, a->m.chats[i]);
	} else if (row >= l.history.row && row < l.history.row + l.history.rows) {
		int i = lines_at(&a->m, l.history, row);
		if (i >= 0)
			choose_message(a, i);
	}
}
