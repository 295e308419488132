#include "tui/model.h"
#include "common/base/array.h"
#include "common/base/clock.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
	const char *word;
	int glyph;
} states[] = {
	[STATE_RECEIVED] = {"", -1},
	[STATE_QUEUED] = {"queued", GLYPH_QUEUED},
	[STATE_SENDING] = {"sending", GLYPH_SENDING},
	[STATE_SENT] = {"sent", GLYPH_SENT},
	[STATE_DELIVERED] = {"delivered", GLYPH_DELIVERED},
	[STATE_READ] = {"read", GLYPH_READ},
	[STATE_FAILED] = {"failed", GLYPH_FAILED},
};

const char *state_word(enum state s)
{
	return states[s].word;
}

int state_glyph(enum state s)
{
	return states[s].glyph;
}

void model_init(struct model *m)
{
	*m = (struct model){.limit = 16384, .theme = &themes[0], .glyphs = &glyph_sets[0]};
	m->window.chosen = -1;
	m->window.follow = true;
	edit_init(&m->scratch);
	keymap_init(&m->keys);
}

static void chat_free(struct chat *c)
{
	if (c->edit)
		edit_release(c->edit);
	free(c->edit);
	free(c);
}

static void empty_window(struct window *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		free(w->list[i].body);
		free(w->list[i].why);
	}
	w->n = 0;
}

void model_release(struct model *m)
{
	for (unsigned i = 0; i < m->n_chats; i++)
		chat_free(m->chats[i]);
	free(m->chats);
	empty_window(&m->window);
	free(m->window.list);
	panel_close(&m->panel);
	edit_release(&m->scratch);
	*m = (struct model){0};
}

const char *chat_name(const struct chat *c)
{
	return c->alias[0] ? c->alias : c->user;
}

static uint64_t when(const char *text)
{
	uint64_t ms;

	return text && text[0] && clock_parse(text, strlen(text), &ms) == 0 ? ms : 0;
}

/* ---- the list ---- */

struct chat *model_find(const struct model *m, const char *user)
{
	for (unsigned i = 0; i < m->n_chats; i++)
		if (strcmp(m->chats[i]->user, user) == 0)
			return m->chats[i];
	return NULL;
}

static struct chat *append(struct model *m, const char *user)
{
	struct chat **list =
		m->n_chats < MODEL_CHATS_MAX ? array_room(m->chats, m->n_chats, &m->cap_chats, sizeof *list, 16) : NULL;

	if (!list)
		return NULL;
	m->chats = list;
	struct chat *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	snprintf(c->user, sizeof c->user, "%s", user);
	return list[m->n_chats++] = c;
}

static void to_front(struct model *m, unsigned from, unsigned to)
{
	struct chat *c = m->chats[from];

	memmove(m->chats + to + 1, m->chats + to, (from - to) * sizeof c);
	m->chats[to] = c;
}

struct chat *model_add(struct model *m, const char *user)
{
	struct chat *c = model_find(m, user);

	if (!c && (c = append(m, user)))
		to_front(m, m->n_chats - 1, 0);
	return c;
}

void model_chats_begin(struct model *m)
{
	for (unsigned i = 0; i < m->n_chats; i++)
		m->chats[i]->listed = false;
}

/* Those that were put stand at the front, in their order. */
static unsigned n_listed(const struct model *m)
{
	unsigned n = 0;

	while (n < m->n_chats && m->chats[n]->listed)
		n++;
	return n;
}

int model_chats_put(struct model *m, const struct client_chat *from)
{
	struct chat *c = model_find(m, from->with);

	if (!c)
		c = append(m, from->with);
	if (!c)
		return -1;
	if (!c->listed)
		to_front(m, (unsigned)model_index(m, c), n_listed(m));
	c->listed = true;
	snprintf(c->alias, sizeof c->alias, "%s", from->alias);
	c->unread = from->unread;
	c->queued = from->queued;
	c->failed = from->failed;
	c->contact = from->contact;
	c->blocked = from->blocked;
	c->muted = from->muted;
	c->complete = from->complete;
	c->draft = from->draft != NULL && from->draft[0];
	c->last_ms = when(from->last_at);
	return 0;
}

void model_chats_end(struct model *m)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < m->n_chats; i++) {
		struct chat *c = m->chats[i];
		if (c->listed || c == m->chat || (c->edit && c->edit->text.len > 0))
			m->chats[kept++] = c;
		else
			chat_free(c);
	}
	m->n_chats = kept;
}

int model_index(const struct model *m, const struct chat *c)
{
	for (unsigned i = 0; i < m->n_chats; i++)
		if (m->chats[i] == c)
			return (int)i;
	return -1;
}

int model_choose(struct model *m, struct chat *c)
{
	if (c && !c->edit) {
		c->edit = calloc(1, sizeof *c->edit);
		if (!c->edit)
			return -1;
		edit_init(c->edit);
	}
	m->chat = c;
	m->selecting = false;
	empty_window(&m->window);
	m->window = (struct window){
		.list = m->window.list, .cap = m->window.cap, .want = 100, .follow = true, .chosen = -1};
	return 0;
}

struct chat *model_next_unread(const struct model *m)
{
	int here = m->chat ? model_index(m, m->chat) : -1;

	for (int muted = 0; muted < 2; muted++)
		for (unsigned i = 1; i <= m->n_chats; i++) {
			struct chat *c = m->chats[((unsigned)(here + (int)i)) % m->n_chats];
			if (c->unread > 0 && c->muted == (muted == 1) && c != m->chat)
				return c;
		}
	return NULL;
}

unsigned model_unread(const struct model *m, unsigned *chats)
{
	unsigned n = 0;

	*chats = 0;
	for (unsigned i = 0; i < m->n_chats; i++) {
		n += m->chats[i]->unread;
		*chats += m->chats[i]->unread > 0;
	}
	return n;
}

struct edit *model_edit(struct model *m)
{
	if (m->panel.kind != PANEL_NONE)
		return m->panel.query ? &m->panel.edit : NULL;
	return m->chat ? m->chat->edit : &m->scratch;
}

const struct edit *model_composer(const struct model *m)
{
	return m->chat ? m->chat->edit : &m->scratch;
}

/* ---- the window ---- */

void model_window_begin(struct model *m, struct window_place *at)
{
	struct window *w = &m->window;

	*at = (struct window_place){0};
	if (w->n > 0) {
		unsigned b = w->bottom < w->n ? w->bottom : w->n - 1;
		memcpy(at->id, w->list[b].id, sizeof at->id);
		memcpy(at->client_id, w->list[b].client_id, sizeof at->client_id);
	}
	if (w->chosen >= 0 && w->chosen < (int)w->n) {
		at->chosen = true;
		memcpy(at->chosen_id, w->list[w->chosen].id, sizeof at->id);
		memcpy(at->chosen_client_id, w->list[w->chosen].client_id, sizeof at->client_id);
	}
	empty_window(w);
}

static struct message *add(struct window *w)
{
	struct message *list =
		w->n < MODEL_WINDOW_MAX + 1000 ? array_room(w->list, w->n, &w->cap, sizeof *list, 64) : NULL;

	if (!list)
		return NULL;
	w->list = list;
	list[w->n] = (struct message){.place = 0};
	return &list[w->n];
}

int model_window_line(struct model *m, const struct chat_line *l)
{
	static const enum state of[] = {[LINE_RECEIVED] = STATE_RECEIVED,
		[LINE_SENT] = STATE_SENT,
		[LINE_DELIVERED] = STATE_DELIVERED,
		[LINE_READ] = STATE_READ};
	struct message *x = add(&m->window);
	bool text = !l->m.kind || strcmp(l->m.kind, "text") == 0;

	if (!x || !(x->body = strdup(!text       ? "[a message of a kind that is not shown here]"
				     : l->m.body ? l->m.body
						 : "")))
		return -1;
	snprintf(x->id, sizeof x->id, "%s", l->m.id ? l->m.id : "");
	snprintf(x->client_id, sizeof x->client_id, "%s", l->m.client_id ? l->m.client_id : "");
	x->place = l->place;
	x->state = of[l->state];
	x->mine = x->state != STATE_RECEIVED || (l->m.from && strcmp(l->m.from, m->user) == 0);
	x->at_ms = when(l->m.sent_at);
	x->delivered_ms = when(l->m.delivered_at);
	x->read_ms = when(l->m.read_at);
	m->window.n++;
	return 0;
}

void model_window_turn(struct model *m)
{
	struct message *list = m->window.list;

	for (unsigned i = 0, k = m->window.n; i + 1 < k; i++) {
		struct message x = list[i];
		list[i] = list[--k];
		list[k] = x;
	}
}

int model_window_entry(struct model *m, const struct outbox_entry *e, bool sending)
{
	struct message *x = add(&m->window);

	if (!x || !(x->body = strdup(e->body ? e->body : "")))
		return -1;
	snprintf(x->client_id, sizeof x->client_id, "%s", e->client_id);
	x->mine = true;
	x->state = e->state == ENTRY_FAILED ? STATE_FAILED : sending ? STATE_SENDING : STATE_QUEUED;
	x->at_ms = e->created_ms;
	x->why = e->error[0] ? strdup(e->error) : NULL;
	m->window.n++;
	return 0;
}

int model_message(const struct model *m, const char *id, const char *client_id)
{
	const struct window *w = &m->window;

	for (unsigned i = w->n; i-- > 0;)
		if ((id[0] && strcmp(w->list[i].id, id) == 0) ||
			(client_id[0] && strcmp(w->list[i].client_id, client_id) == 0))
			return (int)i;
	return -1;
}

void model_window_end(struct model *m, const struct window_place *at)
{
	struct window *w = &m->window;
	int i = model_message(m, at->id, at->client_id);

	if (!w->follow && i >= 0)
		w->bottom = (unsigned)i;
	if (w->follow || w->bottom >= w->n) {
		w->bottom = w->n ? w->n - 1 : 0;
		w->below = 0;
	}
	w->chosen = at->chosen ? model_message(m, at->chosen_id, at->chosen_client_id) : -1;
	if (w->chosen < 0)
		m->selecting = false;
}

unsigned model_new(const struct model *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->window.n; i++)
		n += !m->window.list[i].mine && m->window.divider > 0 && m->window.list[i].place >= m->window.divider;
	/* The first of them may be further back than what is here. */
	bool all = m->window.n > 0 && m->window.list[0].place <= m->window.divider;
	return !all && m->chat && m->chat->unread > n ? m->chat->unread : n;
}

void model_notice(struct model *m, enum style style, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(m->notice, sizeof m->notice, fmt, args);
	va_end(args);
	m->notice_style = style;
	m->notice_until_ms = m->now_ms + 8000 + 40 * strlen(m->notice);
}
