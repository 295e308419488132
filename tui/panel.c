/* What is open over a chat (model.h): lists to choose from, with or without a line to write in. */
#include "common/base/array.h"
#include "common/msg.h"
#include "tui/commands.h"
#include "tui/fuzzy.h"
#include "tui/model.h"
#include <stdio.h>
#include <stdlib.h>

void panel_clear(struct panel *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		free(p->rows[i].left);
		free(p->rows[i].right);
	}
	free(p->rows);
	p->rows = NULL;
	p->n = p->chosen = p->top = 0;
}

void panel_close(struct panel *p)
{
	panel_clear(p);
	if (p->query)
		edit_release(&p->edit);
	*p = (struct panel){.kind = PANEL_NONE};
}

void panel_open(struct panel *p, enum panel_kind kind, const char *title, bool query)
{
	panel_close(p);
	p->kind = kind;
	p->query = query;
	snprintf(p->title, sizeof p->title, "%s", title);
	if (query)
		edit_init(&p->edit);
}

struct panel_row *panel_add(struct panel *p, enum style style, const char *left, const char *right)
{
	/* The capacity follows from n: it doubles from 16 on. */
	uint32_t cap = p->n == 0 ? 0 : 16;

	while (cap && cap < p->n)
		cap *= 2;
	struct panel_row *rows = p->n < MODEL_PANEL_MAX ? array_room(p->rows, p->n, &cap, sizeof *rows, 16) : NULL;
	if (!rows)
		return NULL;
	p->rows = rows;
	rows[p->n] = (struct panel_row){.left = strdup(left), .right = right ? strdup(right) : NULL, .style = style};
	if (!rows[p->n].left) {
		free(rows[p->n].right);
		return NULL;
	}
	return &rows[p->n++];
}

void panel_move(struct panel *p, int by)
{
	long to = (long)p->chosen + by;

	p->chosen = p->n == 0 || to < 0 ? 0 : to >= (long)p->n ? p->n - 1 : (unsigned)to;
}

static int by_score(const void *a, const void *b)
{
	const struct panel_row *x = a, *y = b;

	return (y->score > x->score) - (y->score < x->score);
}

static int best_score(struct str wanted, const struct chat *c)
{
	int a = fuzzy_score(wanted, str_of(c->user)), b = fuzzy_score(wanted, str_of(c->alias));

	return a > b ? a : b;
}

void panel_switcher(struct panel *p, const struct model *m)
{
	struct str wanted = edit_text(&p->edit);
	char left[400], right[64], name[USER_MAX + 1];
	struct panel_row *r;

	panel_clear(p);
	for (unsigned i = 0; i < m->n_chats; i++) {
		const struct chat *c = m->chats[i];
		int score = best_score(wanted, c);
		if (score < 0)
			continue;
		snprintf(left, sizeof left, c->alias[0] ? "%s (%s)" : "%s", chat_name(c), c->user);
		right[0] = 0;
		if (c->unread)
			snprintf(right, sizeof right, "%u new", c->unread);
		else if (c->online)
			snprintf(right, sizeof right, "online");
		r = panel_add(p, c->unread ? STYLE_STRONG : STYLE_NORMAL, left, right);
		if (!r)
			break;
		/* Equal ones stay in the order of the list. */
		r->score = score * 32 + (c->unread ? 16 : 0) - (i < 15 ? (int)i : 15);
		snprintf(r->with, sizeof r->with, "%s", c->user);
	}
	if (p->n > 1)
		qsort(p->rows, p->n, sizeof *p->rows, by_score);
	snprintf(name, sizeof name, "%.*s", (int)(wanted.n < sizeof name ? wanted.n : 0), wanted.n ? wanted.p : "");
	if (user_name_ok(str_of(name)) && !model_find(m, name)) {
		snprintf(left, sizeof left, "Begin a chat with %s", name);
		if ((r = panel_add(p, STYLE_GOOD, left, "Enter")))
			snprintf(r->with, sizeof r->with, "%s", name);
	}
}

static void help_keys(struct panel *p, const struct model *m, enum section section)
{
	char keys[128], right[200];

	for (int a = 0; a < ACTION_COUNT; a++) {
		if (action_section(a) != section || !action_help(a)[0] || keymap_keys(&m->keys, a, 3, keys) == 0)
			continue;
		snprintf(right, sizeof right, "%s", action_help(a));
		panel_add(p, STYLE_NORMAL, keys, right);
	}
}

void panel_help(struct panel *p, const struct model *m)
{
	static const char *const titles[] = {"Writing", "Getting about", "Else"};
	static const enum section order[] = {SECTION_MOVE, SECTION_WRITE, SECTION_OTHER};
	static const enum state shown[] = {
		STATE_QUEUED, STATE_SENDING, STATE_SENT, STATE_DELIVERED, STATE_READ, STATE_FAILED};
	static const char *const meaning[] = {"queued: on disk here, sent as soon as there is a connection",
		"sending: on its way to the server", "sent: the server has it for good",
		"delivered: it has reached a device", "read", "failed: why stands below it; /retry sends it again"};
	char left[128];

	panel_clear(p);
	for (unsigned i = 0; i < 3; i++) {
		panel_add(p, STYLE_STRONG, titles[order[i]], NULL);
		help_keys(p, m, order[i]);
		panel_add(p, STYLE_NORMAL, "", NULL);
	}
	panel_add(p, STYLE_STRONG, "Commands", "(Tab completes; // sends a text that begins with /)");
	for (int c = 0; c < COMMAND_COUNT; c++) {
		snprintf(left, sizeof left, "/%s %s", commands[c].name, commands[c].args);
		panel_add(p, STYLE_NORMAL, left, commands[c].help);
	}
	panel_add(p, STYLE_NORMAL, "", NULL);
	panel_add(p, STYLE_STRONG, "Signs behind my messages", NULL);
	for (unsigned i = 0; i < 6; i++)
		panel_add(p, STYLE_NORMAL, m->glyphs->glyph[state_glyph(shown[i])], meaning[i]);
	panel_add(p, STYLE_NORMAL, "", NULL);
	panel_add(p, STYLE_DIM, "Limit", "16,384 bytes a message");
}
