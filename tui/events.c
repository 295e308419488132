/* What the engine says, brought into the model (app.h). */
#include "common/base/clock.h"
#include "tui/app.h"
#include "tui/lines.h"
#include <stdio.h>
#include <stdlib.h>

static bool is_open(const struct app *a, const char *user)
{
	return a->m.chat && strcmp(a->m.chat->user, user) == 0;
}

/* Monotonic microseconds to the wall's milliseconds. */
static uint64_t on_wall(const struct app *a, uint64_t us)
{
	uint64_t now = clock_mono_us();

	return us > now ? a->m.now_ms + (us - now) / 1000 : 0;
}

static void on_state(struct app *a, const struct sync_event *e)
{
	static const enum link of[] = {[SYNC_CONNECTING] = LINK_CONNECTING,
		[SYNC_CATCHING_UP] = LINK_CATCHING_UP,
		[SYNC_LIVE] = LINK_ONLINE,
		[SYNC_OFFLINE] = LINK_OFFLINE,
		[SYNC_DRAINING] = LINK_DRAINING,
		[SYNC_LOGIN] = LINK_LOGIN,
		[SYNC_REFUSED] = LINK_REFUSED,
		[SYNC_BROKEN] = LINK_BROKEN};
	struct model *m = &a->m;
	bool lost = of[e->state] != LINK_ONLINE && m->link == LINK_ONLINE;

	m->link = of[e->state];
	m->caught_up = e->more;
	m->retry_ms = on_wall(a, e->until_us);
	snprintf(m->link_why, sizeof m->link_why, "%s", e->why);
	if (m->link == LINK_ONLINE) {
		a->presence_due = true;
		/* What was said of the connection no longer holds. */
		m->notice[0] = m->notice_style == STYLE_BAD ? 0 : m->notice[0];
	}
	if (lost || m->link == LINK_OFFLINE) {
		m->rtt_ms = 0;
		/* Nobody tells us any more. */
		for (unsigned i = 0; i < m->n_chats; i++)
			m->chats[i]->presence = m->chats[i]->online = false;
	}
	if (m->link == LINK_LOGIN)
		model_notice(m, STYLE_BAD, "/login enters the password anew; what you wrote is kept. (%s)", e->why);
	else if (m->link == LINK_REFUSED || m->link == LINK_BROKEN)
		model_notice(m, STYLE_BAD, "%s", e->why);
}

static void on_message(struct app *a, const struct sync_event *e)
{
	struct chat *c = model_find(&a->m, e->with);

	a->chats_due = true;
	if (c && !e->mine)
		c->typing_ms = 0;
	if (is_open(a, e->with))
		a->window_due = true;
	if (e->fresh && !e->mine) {
		app_notify(a, e);
		if (a->rim.message)
			a->rim.message(a->rim.ctx, e);
	}
}

static void on_marks(struct app *a, const struct sync_event *e)
{
	a->chats_due = true;
	if (is_open(a, e->with))
		a->window_due = true;
}

static void on_entry(struct app *a, const struct sync_event *e)
{
	if (e->entry == SYNC_SENDING)
		snprintf(a->sending, sizeof a->sending, "%s", e->client_id);
	else if (strcmp(a->sending, e->client_id) == 0)
		a->sending[0] = 0;
	if (e->entry == SYNC_UNSENT)
		model_notice(&a->m, STYLE_BAD, "Not sent to %s: %s", e->with, e->why);
	on_marks(a, e);
}

static void on_page(struct app *a, const struct sync_event *e)
{
	a->chats_due = true;
	if (!is_open(a, e->with))
		return;
	a->m.window.loading = false;
	a->m.window.want += e->n;
	a->window_due = true;
	if (e->n == 0 && e->end)
		model_notice(&a->m, STYLE_DIM, "This is the first message.");
}

static void on_online(struct app *a, const struct sync_event *e)
{
	struct chat *c = model_find(&a->m, e->with);
	uint64_t ms;

	if (!c)
		return;
	c->presence = true;
	c->online = e->on;
	c->seen_ms = e->at[0] && clock_parse(e->at, strlen(e->at), &ms) == 0 ? ms : 0;
}

static void on_types(struct app *a, const struct sync_event *e)
{
	struct chat *c = model_find(&a->m, e->with);

	if (c)
		c->typing_ms = a->m.now_ms;
}

static void on_found(struct app *a, const struct sync_event *e)
{
	struct panel *p = &a->m.panel;
	char right[400], time[16], day[24];
	uint64_t ms;

	if (p->kind != PANEL_SEARCH || e->job != a->search_job)
		return;
	panel_clear(p);
	for (unsigned i = 0; i < e->n; i++) {
		const struct client_message *x = &e->found[i];
		bool mine = x->from && strcmp(x->from, a->m.user) == 0;
		const char *with = mine ? x->to : x->from;
		if (!with || !x->id || !x->sent_at || clock_parse(x->sent_at, strlen(x->sent_at), &ms))
			continue;
		day_of(ms, a->m.now_ms, day);
		time_of_day(ms, time);
		snprintf(right, sizeof right, "%s%s  %s %s", mine ? "to " : "", with, day, time);
		struct panel_row *r = panel_add(p, STYLE_NORMAL, x->body ? x->body : "", right);
		if (!r)
			break;
		snprintf(r->with, sizeof r->with, "%s", with);
		snprintf(r->id, sizeof r->id, "%s", x->id);
	}
	snprintf(p->hint, sizeof p->hint, "Nothing found on this machine.");
}

static void on_devices(struct app *a, const struct sync_event *e)
{
	struct panel *p = &a->m.panel;
	char left[400], right[128];

	panel_open(p, PANEL_LIST, "Where you are logged in (/devices rm DEVICE logs one out)", false);
	for (unsigned i = 0; i < e->n; i++) {
		const struct sync_device *d = &e->devices[i];
		snprintf(left, sizeof left, "%s  %s%s", d->device, d->name, d->current ? "  (this one)" : "");
		snprintf(right, sizeof right, "seen %.16s", d->seen_at);
		panel_add(p, d->current ? STYLE_STRONG : STYLE_NORMAL, left, right);
	}
}

static void on_person(struct app *a, const struct sync_event *e)
{
	on_online(a, e);
}

static void on_failed(struct app *a, const struct sync_event *e)
{
	a->m.window.loading = false;
	if (e->job == a->search_job && a->m.panel.kind == PANEL_SEARCH) {
		panel_clear(&a->m.panel);
		snprintf(a->m.panel.hint, sizeof a->m.panel.hint, "%.120s", e->why);
		return;
	}
	model_notice(&a->m, STYLE_BAD, "%s", e->why);
	/* What could not even be written down goes back to where it was typed. */
	if (e->job == a->send_job && a->m.chat && is_open(a, e->with) && a->m.chat->edit->text.len == 0)
		edit_do(a->m.chat->edit, EDIT_UP);
}

static void on_done(struct app *a, const struct sync_event *e)
{
	(void)e;
	a->chats_due = true;
}

static void on_look(struct app *a, const struct sync_event *e)
{
	(void)e;
	a->chats_due = a->window_due = true;
}

static void on_rtt(struct app *a, const struct sync_event *e)
{
	a->m.rtt_ms = e->ms > 0 ? e->ms : 1;
}

static void (*const handlers[])(struct app *a, const struct sync_event *e) = {
	[SYNC_LOOK_AGAIN] = on_look,
	[SYNC_STATE] = on_state,
	[SYNC_RTT] = on_rtt,
	[SYNC_MESSAGE] = on_message,
	[SYNC_MARKS] = on_marks,
	[SYNC_ENTRY] = on_entry,
	[SYNC_CHAT_LIST] = on_look,
	[SYNC_PAGE] = on_page,
	[SYNC_ONLINE] = on_online,
	[SYNC_TYPES] = on_types,
	[SYNC_FOUND] = on_found,
	[SYNC_DEVICE_LIST] = on_devices,
	[SYNC_PERSON] = on_person,
	[SYNC_DONE] = on_done,
	[SYNC_FAILED] = on_failed,
};

void app_events(struct app *a)
{
	struct sync_event e;

	while (sync_next(a->sync, &e)) {
		if ((unsigned)e.what < sizeof handlers / sizeof *handlers && handlers[e.what])
			handlers[e.what](a, &e);
		sync_event_release(&e);
	}
}
