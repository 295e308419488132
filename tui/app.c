#include "tui/app.h"
#include "common/base/clock.h"
#include "common/msg.h"
#include "tui/lines.h"
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>

enum { ACTIVE_MS = 60000, DRAFT_MS = 1000, OLDER_STEP = 100, READ_AGAIN_MS = 10000, NEW_MAX = 1000 };

static void host_of(const char *url, char out[256])
{
	const char *p = strstr(url, "://");

	p = p ? p + 3 : url;
	snprintf(out, 256, "%.*s", (int)strcspn(p, "/"), p);
}

int app_open(struct app *a, const struct profile *p, char why[256])
{
	char path[700];
	bool had_settings = a->settings.value[0][0] != 0;

	if (!had_settings)
		settings_init(&a->settings);
	a->profile = *p;
	snprintf(a->m.user, sizeof a->m.user, "%s", p->user);
	snprintf(a->m.context, sizeof a->m.context, "%s", p->name);
	host_of(p->url, a->m.host);
	if (client_db_path(p->name, true, path)) {
		snprintf(why, 256, "no place for the database of context %s", p->name);
		return -1;
	}
	a->db = client_db_open(path, p->url, p->user, why);
	if (!a->db)
		return -1;
	a->sync = sync_new(p, path, why);
	if (!a->sync) {
		client_db_close(a->db);
		a->db = NULL;
		return -1;
	}
	a->chats_due = a->presence_due = true;
	a->m.now_ms = a->active_ms = clock_wall_ms();
	return 0;
}

static void keep_draft(struct app *a)
{
	struct chat *c = a->draft_of;
	char *text;

	if (!a->draft_ms || !c || !c->edit)
		return;
	a->draft_ms = 0;
	struct str s = edit_text(c->edit);
	text = strndup(s.p ? s.p : "", s.n);
	if (text && s.n <= a->m.limit)
		app_post(a, &(struct sync_job){.work = SYNC_DRAFT, .with = c->user, .text = text});
	free(text);
}

void app_close(struct app *a)
{
	if (a->sync) {
		keep_draft(a);
		sync_free(a->sync, 2000);
	}
	client_db_close(a->db);
	model_release(&a->m);
}

int64_t app_post(struct app *a, const struct sync_job *job)
{
	int64_t n = sync_post(a->sync, job);

	if (n == 0)
		model_notice(&a->m, STYLE_BAD, "Not done: too much is under way, or that is no user name.");
	return n;
}

void app_edited(struct app *a)
{
	if (a->m.panel.kind != PANEL_NONE || !a->m.chat)
		return;
	if (a->draft_of != a->m.chat)
		keep_draft(a);
	a->draft_of = a->m.chat;
	a->draft_ms = a->m.now_ms + DRAFT_MS;
	struct str s = edit_text(a->m.chat->edit);
	if (s.n > 0 && s.p[0] != '/' && a->m.link == LINK_ONLINE)
		sync_post(a->sync, &(struct sync_job){.work = SYNC_TYPING, .with = a->m.chat->user});
}

struct layout app_layout(const struct app *a)
{
	return draw_layout(&a->m, a->rows, a->cols);
}

/* Is somebody looking at the newest message of the chosen chat? */
static bool attentive(const struct app *a)
{
	return a->m.chat && a->m.window.follow && a->m.panel.kind == PANEL_NONE && !a->away &&
	       a->m.now_ms < a->active_ms + ACTIVE_MS;
}

/* ---- reading the database ---- */

static int put_chat(void *ctx, const struct client_chat *c)
{
	return model_chats_put(ctx, c);
}

static void read_chats(struct app *a)
{
	model_chats_begin(&a->m);
	if (client_db_chats(a->db, true, put_chat, &a->m))
		model_notice(&a->m, STYLE_BAD, "The list of chats cannot be read: %s", client_db_why(a->db));
	if (a->draft_of && model_index(&a->m, a->draft_of) < 0)
		a->draft_of = NULL;
	model_chats_end(&a->m);
}

static int put_line(void *ctx, const struct chat_line *l)
{
	return model_window_line(ctx, l);
}

static int put_entry(void *ctx, const struct outbox_entry *e)
{
	struct app *a = ctx;

	if (strcmp(e->to, a->m.chat->user) != 0)
		return 0;
	/* What has been sent is a line already, and leaves the outbox in the same moment. */
	if (model_message(&a->m, "", e->client_id) >= 0)
		return 0;
	return model_window_entry(&a->m, e, strcmp(e->client_id, a->sending) == 0);
}

static void read_window(struct app *a)
{
	struct window *w = &a->m.window;
	struct window_place at;

	if (!a->m.chat)
		return;
	/* What comes while nobody looks is marked off from what was there. */
	if (w->divider == 0 && a->m.chat->unread > 0 && !attentive(a)) {
		int64_t first = client_db_first_unread(a->db, a->m.chat->user);
		w->divider = first > 0 ? first : 0;
	}
	model_window_begin(&a->m, &at);
	if (client_db_lines(a->db, a->m.chat->user, w->before, w->want, put_line, &a->m))
		model_notice(&a->m, STYLE_BAD, "Messages cannot be read: %s", client_db_why(a->db));
	w->full = w->n < w->want;
	model_window_turn(&a->m);
	if (w->before == 0)
		client_db_entries(a->db, false, put_entry, a);
	model_window_end(&a->m, &at);
	int i = a->jump_id[0] ? model_message(&a->m, a->jump_id, "") : -1;
	if (i >= 0) {
		w->chosen = i;
		a->m.selecting = true;
		a->jump_id[0] = 0;
		lines_show(&a->m, app_layout(a).history, (unsigned)i);
	}
}

static void read_presence(struct app *a)
{
	char names[WATCH_MAX * (USER_MAX + 1) + 1] = "";
	size_t n = 0;

	for (unsigned i = 0; i < a->m.n_chats && i < WATCH_MAX; i++)
		n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", n ? " " : "", a->m.chats[i]->user);
	if (n > 0)
		sync_post(a->sync, &(struct sync_job){.work = SYNC_PRESENCE, .text = names});
}

/* ---- the chosen chat ---- */

static void load_draft(struct app *a, struct chat *c)
{
	struct client_chat known;

	if (client_db_chat(a->db, c->user, &known) != 0)
		return;
	if (known.draft && known.draft[0])
		edit_set(c->edit, str_of(known.draft));
	free((char *)known.last_body);
	free((char *)known.draft);
}

void app_open_chat(struct app *a, struct chat *c)
{
	bool first = c && !c->edit;

	if (!c || c == a->m.chat)
		return;
	keep_draft(a);
	if (model_choose(&a->m, c)) {
		model_notice(&a->m, STYLE_BAD, "No memory for that chat.");
		return;
	}
	if (first)
		load_draft(a, c);
	int64_t divider = client_db_first_unread(a->db, c->user);
	a->m.window.divider = divider > 0 ? divider : 0;
	a->read_id[0] = a->jump_id[0] = 0;
	/* What is new is to be seen from its first message on, within reason. */
	a->m.window.want += c->unread < NEW_MAX ? c->unread : NEW_MAX;
	read_window(a);
	/* A chat that this machine knows nothing of yet. */
	if (a->m.window.n == 0 && !c->complete) {
		a->m.window.loading = true;
		sync_post(a->sync, &(struct sync_job){.work = SYNC_OLDER, .with = c->user, .limit = OLDER_STEP});
	}
	if (a->m.window.divider > 0)
		for (unsigned i = 0; i < a->m.window.n; i++)
			if (a->m.window.list[i].place >= a->m.window.divider) {
				lines_show(&a->m, app_layout(a).history, i);
				break;
			}
}

/* The newest message of the other side, and everything before it, has been seen. */
static void mark_seen(struct app *a)
{
	const struct window *w = &a->m.window;

	if (!attentive(a) || a->m.chat->unread == 0)
		return;
	for (unsigned i = w->n; i-- > 0;) {
		const struct message *x = &w->list[i];
		if (x->mine || !x->id[0])
			continue;
		bool again = a->m.link == LINK_ONLINE && a->m.now_ms > a->read_ms + READ_AGAIN_MS;
		if (strcmp(x->id, a->read_id) != 0 || again) {
			/* What is said but stays unread is counted anew by the server. */
			if (again && strcmp(x->id, a->read_id) == 0)
				sync_post(a->sync, &(struct sync_job){.work = SYNC_CHATS});
			a->read_ms = a->m.now_ms;
			snprintf(a->read_id, sizeof a->read_id, "%s", x->id);
			sync_post(a->sync, &(struct sync_job){.work = SYNC_READ, .with = a->m.chat->user, .id = x->id});
		}
		return;
	}
}

void app_turn(struct app *a)
{
	if (a->chats_due) {
		a->chats_due = false;
		unsigned before = a->m.n_chats;
		read_chats(a);
		a->presence_due = a->presence_due || before != a->m.n_chats;
	}
	if (a->window_due) {
		a->window_due = false;
		read_window(a);
	}
	if (a->presence_due && a->m.link == LINK_ONLINE) {
		a->presence_due = false;
		read_presence(a);
	}
	if (a->draft_ms && a->m.now_ms >= a->draft_ms)
		keep_draft(a);
	mark_seen(a);
}

int app_wait_ms(const struct app *a)
{
	const struct model *m = &a->m;
	uint64_t wait = 60000 - m->now_ms % 60000; /* the clock in the header */
	uint64_t at[] = {a->draft_ms, m->notice[0] ? m->notice_until_ms : 0,
		m->chat && m->chat->typing_ms ? m->chat->typing_ms + MODEL_TYPING_MS : 0};

	for (size_t i = 0; i < sizeof at / sizeof *at; i++)
		if (at[i] > m->now_ms && at[i] - m->now_ms < wait)
			wait = at[i] - m->now_ms;
	/* A countdown. */
	if (m->retry_ms > m->now_ms && m->link != LINK_ONLINE && wait > 1000)
		wait = (m->retry_ms - m->now_ms) % 1000 + 1;
	return (int)wait + 1;
}

/* ---- more of a chat ---- */

/* Scrolling has come to an end: is there more beyond it? */
static void older(struct app *a)
{
	struct window *w = &a->m.window;
	struct chat *c = a->m.chat;

	if (!c || w->loading)
		return;
	if (!w->full && w->want + OLDER_STEP <= MODEL_WINDOW_MAX) {
		w->want += OLDER_STEP;
		read_window(a);
	} else if (!w->full) {
		model_notice(&a->m, STYLE_WARN, "%u messages are open; /search finds older ones.", w->n);
	} else if (!c->complete && a->m.link == LINK_ONLINE) {
		w->loading = true;
		app_post(a, &(struct sync_job){.work = SYNC_OLDER, .with = c->user, .limit = OLDER_STEP});
	} else if (!c->complete) {
		model_notice(&a->m, STYLE_WARN, "Older messages are on the server; it cannot be reached now.");
	}
}

static int note_place(void *ctx, const struct chat_line *l)
{
	*(int64_t *)ctx = l->place;
	return 1;
}

static void newer(struct app *a)
{
	struct window *w = &a->m.window;

	if (!w->before || !a->m.chat)
		return;
	int64_t newest = 0;
	client_db_lines(a->db, a->m.chat->user, 0, 1, note_place, &newest);
	w->before += OLDER_STEP;
	if (w->want + OLDER_STEP <= MODEL_WINDOW_MAX)
		w->want += OLDER_STEP;
	if (newest == 0 || w->before > newest)
		w->before = 0;
	read_window(a);
}

static void scroll(struct app *a, int lines)
{
	struct rect r = app_layout(a).history;
	int left = lines_scroll(&a->m, r, lines);

	for (int tries = 0; left > 0 && tries < 2; tries++) {
		unsigned n = a->m.window.n;
		lines > 0 ? older(a) : newer(a);
		if (a->m.window.n == n)
			break;
		left = lines_scroll(&a->m, r, lines > 0 ? left : -left);
	}
}

static void to_newest(struct app *a)
{
	struct window *w = &a->m.window;

	w->follow = true;
	w->before = 0;
	w->chosen = -1;
	a->m.selecting = false;
	read_window(a);
}

static void to_oldest(struct app *a)
{
	struct rect r = app_layout(a).history;

	if (a->m.window.n > 0)
		lines_show(&a->m, r, 0);
	scroll(a, 1);
}

static void to_first_unread(struct app *a)
{
	struct window *w = &a->m.window;

	for (unsigned i = 0; i < w->n && w->divider > 0; i++)
		if (w->list[i].place >= w->divider) {
			lines_show(&a->m, app_layout(a).history, i);
			return;
		}
	model_notice(&a->m, STYLE_DIM, "Nothing new in this chat.");
}

void app_scroll(struct app *a, int action)
{
	int page = app_layout(a).history.rows - 2;

	if (page < 1)
		page = 1;
	if (action == ACTION_PAGE_UP || action == ACTION_PAGE_DOWN)
		scroll(a, action == ACTION_PAGE_UP ? page : -page);
	else if (action == ACTION_LINE_UP || action == ACTION_LINE_DOWN)
		scroll(a, action == ACTION_LINE_UP ? 1 : -1);
	else if (action == ACTION_OLDEST)
		to_oldest(a);
	else if (action == ACTION_NEWEST)
		to_newest(a);
	else
		to_first_unread(a);
}

void app_show_message(struct app *a, const char *with, const char *id)
{
	struct chat *c = model_add(&a->m, with);
	int64_t place = 0;

	if (!c)
		return;
	app_open_chat(a, c);
	snprintf(a->jump_id, sizeof a->jump_id, "%s", id);
	client_db_line(a->db, id, note_place, &place);
	if (place > 0) {
		int i = model_message(&a->m, id, "");
		if (i < 0) {
			a->m.window.before = place + OLDER_STEP / 2;
			a->m.window.want = 2 * OLDER_STEP;
		}
		read_window(a);
	} else {
		model_notice(&a->m, STYLE_WARN, "That message is older than what is open here; PgUp loads back to it.");
	}
}
