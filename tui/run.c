/* What commands do, and sending (app.h). */
#include "common/msg.h"
#include "tui/app.h"
#include <stdio.h>
#include <stdlib.h>

/* A word as a text of its own; NULL when there is none, or it is too long for `size`. */
static const char *word_of(const struct line *l, unsigned i, char *out, size_t size)
{
	if (i >= l->n || l->word[i].n >= size)
		return NULL;
	memcpy(out, l->word[i].p, l->word[i].n);
	out[l->word[i].n] = 0;
	return out;
}

/* The user that a command is about: its word, else the one of the chosen chat. */
static const char *user_of(struct app *a, const struct line *l, unsigned i, char out[64])
{
	const char *user = i < l->n ? word_of(l, i, out, 64) : a->m.chat ? a->m.chat->user : NULL;

	if (user && user_name_ok(str_of(user)))
		return user;
	model_notice(
		&a->m, STYLE_BAD, user || i < l->n ? "That is no user name." : "Name a user, or choose a chat first.");
	return NULL;
}

void app_send(struct app *a, const char *with, struct str text)
{
	struct chat *c = model_find(&a->m, with);
	char *copy;

	if (text.n > a->m.limit) {
		model_notice(&a->m, STYLE_BAD, "Too long: %zu of %u bytes. Nothing was sent.", text.n, a->m.limit);
		return;
	}
	copy = strndup(text.p, text.n);
	a->send_job = copy ? app_post(a, &(struct sync_job){.work = SYNC_SEND, .with = with, .text = copy}) : 0;
	free(copy);
	if (!a->send_job)
		return;
	if (c && c->edit)
		edit_sent(c->edit);
	if (c && c == a->draft_of)
		a->draft_ms = 0;
	sync_post(a->sync, &(struct sync_job){.work = SYNC_DRAFT, .with = with});
	if (c && c == a->m.chat) {
		a->m.window.divider = 0;
		if (!a->m.window.follow)
			app_act(a, ACTION_NEWEST);
	}
}

void app_submit(struct app *a)
{
	struct edit *e = model_edit(&a->m);
	struct line l;
	char *text;

	if (!e)
		return;
	/* A copy: commands may change the line. */
	struct str s = edit_text(e);
	text = strndup(s.p ? s.p : "", s.n);
	if (!text)
		return;
	line_parse((struct str){text, s.n}, &l);
	if (l.kind == LINE_WRONG) {
		model_notice(&a->m, STYLE_BAD, "%s", l.why);
	} else if (l.kind == LINE_TEXT && !a->m.chat) {
		model_notice(&a->m, STYLE_WARN, "To whom? Ctrl+K chooses a chat, /msg NAME begins one.");
	} else if (l.kind == LINE_TEXT) {
		app_send(a, a->m.chat->user, l.text);
	} else if (l.kind == LINE_COMMAND) {
		edit_sent(e);
		app_edited(a);
		app_command(a, &l);
	}
	free(text);
}

static void run_msg(struct app *a, const struct line *l)
{
	char room[64];
	const char *user = user_of(a, l, 0, room);
	struct chat *c = user ? model_add(&a->m, user) : NULL;

	if (!c)
		return;
	app_open_chat(a, c);
	if (l->n > 1)
		app_send(a, user, l->word[1]);
	else if (!c->contact && c->last_ms == 0)
		sync_post(a->sync, &(struct sync_job){.work = SYNC_WHO, .with = user});
}

static void run_search(struct app *a, const struct line *l)
{
	panel_close(&a->m.panel);
	app_search(a);
	if (l->n > 0) {
		edit_insert(&a->m.panel.edit, l->word[0], true);
		app_search(a);
	}
}

static void list_contacts(struct app *a)
{
	struct panel *p = &a->m.panel;

	panel_open(p, PANEL_LIST, "Contacts", false);
	snprintf(p->hint, sizeof p->hint, "None yet: /contact add USER");
	for (unsigned i = 0; i < a->m.n_chats; i++) {
		const struct chat *c = a->m.chats[i];
		if (!c->contact && !c->blocked)
			continue;
		struct panel_row *r = panel_add(p, STYLE_NORMAL, chat_name(c),
			c->blocked    ? "blocked"
			: c->alias[0] ? c->user
				      : "");
		if (r)
			snprintf(r->with, sizeof r->with, "%s", c->user);
	}
}

static void run_contact(struct app *a, const struct line *l)
{
	char verb[16], room[64], name[260];
	const char *v = word_of(l, 0, verb, sizeof verb), *user, *alias;

	if (l->n == 0) {
		list_contacts(a);
		return;
	}
	if (!v || (strcmp(v, "add") != 0 && strcmp(v, "rm") != 0 && strcmp(v, "alias") != 0)) {
		model_notice(&a->m, STYLE_BAD, "Usage: /contact %s", commands[COMMAND_CONTACT].args);
		return;
	}
	user = user_of(a, l, 1, room);
	if (!user)
		return;
	alias = l->n > 2 ? word_of(l, 2, name, sizeof name) : "";
	app_post(a, &(struct sync_job){.work = SYNC_CONTACT, .with = user, .text = alias, .on = strcmp(v, "rm") != 0});
}

static void block(struct app *a, const struct line *l, bool on)
{
	char room[64];
	const char *user = user_of(a, l, 0, room);

	if (user && app_post(a, &(struct sync_job){.work = SYNC_BLOCK, .with = user, .on = on}))
		model_notice(&a->m, STYLE_GOOD,
			on ? "%s is blocked once the server has it. /unblock takes it back." : "%s may write again.",
			user);
}

static void run_block(struct app *a, const struct line *l)
{
	block(a, l, true);
}

static void run_unblock(struct app *a, const struct line *l)
{
	block(a, l, false);
}

static void run_read(struct app *a, const struct line *l)
{
	unsigned n = 0;

	if (l->n > 0 && !str_is(l->word[0], "all")) {
		model_notice(&a->m, STYLE_BAD, "Usage: /read %s", commands[COMMAND_READ].args);
		return;
	}
	for (unsigned i = 0; i < a->m.n_chats; i++) {
		struct chat *c = a->m.chats[i];
		if (c->unread > 0 && (l->n > 0 || c == a->m.chat))
			n += app_post(a, &(struct sync_job){.work = SYNC_READ, .with = c->user}) > 0;
	}
	a->m.window.divider = 0;
	model_notice(&a->m, STYLE_DIM, "%u chat%s marked as read.", n, n == 1 ? "" : "s");
}

static void run_mute(struct app *a, const struct line *l)
{
	(void)l;
	if (!a->m.chat)
		return;
	bool on = !a->m.chat->muted;
	if (app_post(a, &(struct sync_job){.work = SYNC_MUTE, .with = a->m.chat->user, .on = on}))
		model_notice(&a->m, STYLE_GOOD, on ? "Muted: no notice for this chat." : "No longer muted.");
}

static void run_devices(struct app *a, const struct line *l)
{
	char device[80];
	const char *d = word_of(l, 1, device, sizeof device);

	if (l->n == 0)
		app_post(a, &(struct sync_job){.work = SYNC_DEVICES});
	else if (l->n == 2 && str_is(l->word[0], "rm") && d)
		app_post(a, &(struct sync_job){.work = SYNC_REVOKE, .id = d});
	else
		model_notice(&a->m, STYLE_BAD, "Usage: /devices %s", commands[COMMAND_DEVICES].args);
}

static void run_retry(struct app *a, const struct line *l)
{
	unsigned n = 0;

	(void)l;
	for (unsigned i = 0; i < a->m.window.n; i++) {
		const struct message *x = &a->m.window.list[i];
		if (x->state == STATE_FAILED)
			n += app_post(a, &(struct sync_job){.work = SYNC_RETRY,
						 .with = a->m.chat->user,
						 .client_id = x->client_id}) > 0;
	}
	if (n == 0)
		model_notice(&a->m, STYLE_DIM, "Nothing has failed in this chat.");
}

static int list_entry(void *ctx, const struct outbox_entry *e)
{
	struct app *a = ctx;
	char right[128];
	bool failed = e->state == ENTRY_FAILED;

	snprintf(right, sizeof right, "to %s  %s%s%.60s", e->to, failed ? "failed" : "waits", e->error[0] ? ": " : "",
		e->error);
	struct panel_row *r = panel_add(&a->m.panel, failed ? STYLE_BAD : STYLE_NORMAL, e->body, right);
	if (r)
		snprintf(r->with, sizeof r->with, "%s", e->to);
	return r ? 0 : 1;
}

static void run_outbox(struct app *a, const struct line *l)
{
	(void)l;
	panel_open(&a->m.panel, PANEL_LIST, "Outbox: what waits to be sent, or failed", false);
	snprintf(a->m.panel.hint, sizeof a->m.panel.hint, "Empty: all has been sent.");
	client_db_entries(a->db, false, list_entry, a);
}

static void run_editor(struct app *a, const struct line *l)
{
	(void)l;
	a->wish = WISH_EDITOR;
}

static void run_export(struct app *a, const struct line *l)
{
	char path[1024];

	if (a->m.chat && word_of(l, 0, path, sizeof path))
		app_export(a, path);
}

static void list_settings(struct app *a)
{
	struct panel *p = &a->m.panel;
	char left[300];

	panel_open(p, PANEL_MESSAGE, "Settings: /set KEY VALUE changes one", false);
	for (int i = 0; i < SETTING_COUNT; i++) {
		snprintf(left, sizeof left, "%s = %s", setting_name((enum setting)i), a->settings.value[i]);
		panel_add(p, STYLE_NORMAL, left, setting_help((enum setting)i));
	}
}

static void change(struct app *a, const char *key, const char *value)
{
	char why[256];

	if (settings_set(&a->settings, key, value, why) == 0 && settings_keep(key, value, why) == 0)
		model_notice(&a->m, STYLE_GOOD, "%s = %s", key, value);
	else
		model_notice(&a->m, STYLE_BAD, "%s", why);
	if (!settings_yes(&a->settings, SETTING_VIM))
		a->m.vim_normal = false;
	if (a->rim.looks)
		a->rim.looks(a->rim.ctx);
}

static void run_set(struct app *a, const struct line *l)
{
	char key[64], value[SETTING_MAX];
	const char *k = word_of(l, 0, key, sizeof key), *v = word_of(l, 1, value, sizeof value);

	if (l->n == 0)
		list_settings(a);
	else if (l->n == 1 && k && setting_find(k) >= 0)
		model_notice(&a->m, STYLE_NORMAL, "%s = %s (%s)", k, a->settings.value[setting_find(k)],
			setting_help((enum setting)setting_find(k)));
	else
		change(a, k ? k : "", v ? v : "");
}

static void list_bindings(struct app *a)
{
	struct panel *p = &a->m.panel;
	char keys[128], left[200];

	panel_open(p, PANEL_MESSAGE, "Keys: /bind KEY ACTION binds one, as in /bind Ctrl+T next-unread", false);
	for (int i = 0; i < ACTION_COUNT; i++) {
		keymap_keys(&a->m.keys, i, 3, keys);
		snprintf(left, sizeof left, "%-15s %s", action_name(i), keys);
		panel_add(p, STYLE_NORMAL, left, action_help(i));
	}
}

static void run_bind(struct app *a, const struct line *l)
{
	char key[64], action[64], text[140], why[256];
	const char *k = word_of(l, 0, key, sizeof key), *v = word_of(l, 1, action, sizeof action);

	if (l->n == 0) {
		list_bindings(a);
		return;
	}
	snprintf(text, sizeof text, "%s %s", k ? k : "", v ? v : "");
	if (settings_bind(&a->m.keys, text, why) == 0 && settings_keep("bind", text, why) == 0)
		model_notice(&a->m, STYLE_GOOD, "%s", text);
	else
		model_notice(&a->m, STYLE_BAD, "%s", why);
}

static void run_theme(struct app *a, const struct line *l)
{
	char name[32];
	const char *n = word_of(l, 0, name, sizeof name);

	/* Without a name: the next one. */
	if (l->n == 0)
		n = themes[(a->m.theme - themes + 1) % THEME_COUNT].name;
	change(a, "theme", n ? n : "");
}

static void run_reconnect(struct app *a, const struct line *l)
{
	(void)l;
	app_post(a, &(struct sync_job){.work = SYNC_RECONNECT});
}

static void run_login(struct app *a, const struct line *l)
{
	(void)l;
	a->wish = WISH_LOGIN;
}

static void run_help(struct app *a, const struct line *l)
{
	(void)l;
	app_act(a, ACTION_HELP);
}

static void run_quit(struct app *a, const struct line *l)
{
	(void)l;
	a->wish = WISH_QUIT;
}

static void (*const runs[COMMAND_COUNT])(struct app *a, const struct line *l) = {
	[COMMAND_MSG] = run_msg,
	[COMMAND_SEARCH] = run_search,
	[COMMAND_CONTACT] = run_contact,
	[COMMAND_BLOCK] = run_block,
	[COMMAND_UNBLOCK] = run_unblock,
	[COMMAND_READ] = run_read,
	[COMMAND_MUTE] = run_mute,
	[COMMAND_DEVICES] = run_devices,
	[COMMAND_RETRY] = run_retry,
	[COMMAND_OUTBOX] = run_outbox,
	[COMMAND_EDITOR] = run_editor,
	[COMMAND_EXPORT] = run_export,
	[COMMAND_SET] = run_set,
	[COMMAND_BIND] = run_bind,
	[COMMAND_THEME] = run_theme,
	[COMMAND_RECONNECT] = run_reconnect,
	[COMMAND_LOGIN] = run_login,
	[COMMAND_HELP] = run_help,
	[COMMAND_QUIT] = run_quit,
};

void app_command(struct app *a, const struct line *l)
{
	runs[l->id](a, l);
}
