#include "tui/edit.h"
#include "common/text/width.h"
#include <stdlib.h>

static const char *bytes(const struct edit *e)
{
	return e->text.data ? e->text.data : "";
}

static struct str rest(const struct edit *e, size_t at)
{
	return (struct str){bytes(e) + at, e->text.len - at};
}

void edit_init(struct edit *e)
{
	*e = (struct edit){0};
	buf_init(&e->text, EDIT_ROOM);
	buf_init(&e->cut, EDIT_ROOM);
}

static void forget(struct edit_state *list, unsigned *n)
{
	while (*n > 0)
		free(list[--*n].text);
}

void edit_release(struct edit *e)
{
	buf_release(&e->text);
	buf_release(&e->cut);
	forget(e->undo, &e->n_undo);
	forget(e->redo, &e->n_redo);
	for (unsigned i = 0; i < e->n_history; i++)
		free(e->history[i]);
	free(e->history);
	free(e->kept);
	*e = (struct edit){0};
}

static void push(struct edit *e, struct edit_state *list, unsigned *n)
{
	char *copy = malloc(e->text.len + 1);

	if (!copy)
		return;
	if (*n == EDIT_UNDO_MAX) {
		free(list[0].text);
		memmove(list, list + 1, (EDIT_UNDO_MAX - 1) * sizeof *list);
		--*n;
	}
	memcpy(copy, bytes(e), e->text.len);
	list[(*n)++] = (struct edit_state){copy, e->text.len, e->at};
}

/* Before a change. */
static void remember(struct edit *e, bool typing)
{
	if (!(typing && e->typing))
		push(e, e->undo, &e->n_undo);
	e->typing = typing;
	forget(e->redo, &e->n_redo);
}

static void erase(struct edit *e, size_t first, size_t end)
{
	if (e->text.data)
		memmove(e->text.data + first, e->text.data + end, e->text.len - end);
	e->text.len -= end - first;
	e->at = first;
}

/* Into clean what may be edited. */
static void clean_up(struct buf *clean, struct str text)
{
	for (size_t at = 0, n; at < text.n; at += n) {
		unsigned char c = (unsigned char)text.p[at];
		struct piece p;
		n = 1;
		if (c == '\r') {
			buf_addc(clean, '\n');
			n += at + 1 < text.n && text.p[at + 1] == '\n';
		} else if (c == '\n' || c == '\t' || (c >= 0x20 && c < 0x7f)) {
			buf_addc(clean, (char)c);
		} else if (c >= 0x80) {
			n = width_cluster((struct str){text.p + at, text.n - at}, NULL);
			width_piece((struct str){text.p + at, n}, &p);
			bool broken = strstr(p.text, "\ufffd") != NULL;
			bool c1 = c == 0xc2 && (unsigned char)text.p[at + 1] < 0xa0;
			if (broken)
				buf_adds(clean, "\ufffd");
			else if (!c1)
				buf_add(clean, text.p + at, n);
		}
	}
}

static int put(struct edit *e, struct str text)
{
	size_t tail = e->text.len - e->at;

	if (text.n > EDIT_ROOM - e->text.len || !buf_reserve(&e->text, text.n + 1)) {
		e->text.failed = false;
		return -1;
	}
	memmove(e->text.data + e->at + text.n, e->text.data + e->at, tail);
	memcpy(e->text.data + e->at, text.p, text.n);
	e->text.len += text.n;
	e->at += text.n;
	return 0;
}

int edit_insert(struct edit *e, struct str text, bool paste)
{
	struct buf clean;
	int rc = -1;

	buf_init(&clean, (size_t)3 * EDIT_ROOM);
	clean_up(&clean, text);
	if (!clean.failed && clean.len <= EDIT_ROOM - e->text.len) {
		/* A word is undone at a time. */
		bool blank = clean.len == 1 && (clean.data[0] == ' ' || clean.data[0] == '\n');
		if (clean.len > 0) {
			remember(e, !paste && !blank);
			if (blank)
				e->typing = true;
		}
		rc = clean.len > 0 ? put(e, buf_str(&clean)) : 0;
		if (paste)
			e->typing = false;
	}
	buf_release(&clean);
	return rc;
}

int edit_set(struct edit *e, struct str text)
{
	remember(e, false);
	e->at = e->text.len = 0;
	return edit_insert(e, text, true);
}

static size_t line_start(const struct edit *e, size_t at)
{
	while (at > 0 && bytes(e)[at - 1] != '\n')
		at--;
	return at;
}

static size_t line_end(const struct edit *e, size_t at)
{
	while (at < e->text.len && bytes(e)[at] != '\n')
		at++;
	return at;
}

static size_t left(const struct edit *e, size_t at)
{
	return width_back((struct str){bytes(e), at}, at);
}

static size_t right(const struct edit *e, size_t at)
{
	return at + width_cluster(rest(e, at), NULL);
}

static size_t word_left(const struct edit *e, size_t at)
{
	while (at > 0 && !width_is_word(rest(e, left(e, at))))
		at = left(e, at);
	while (at > 0 && width_is_word(rest(e, left(e, at))))
		at = left(e, at);
	return at;
}

static size_t word_right(const struct edit *e, size_t at)
{
	while (at < e->text.len && !width_is_word(rest(e, at)))
		at = right(e, at);
	while (at < e->text.len && width_is_word(rest(e, at)))
		at = right(e, at);
	return at;
}

/* Ctrl-W goes by blanks, so that a path or an address is one word. */
static size_t blank_left(const struct edit *e, size_t at)
{
	while (at > 0 && strchr(" \t\n", bytes(e)[at - 1]))
		at--;
	while (at > 0 && !strchr(" \t\n", bytes(e)[at - 1]))
		at--;
	return at;
}

static int move(struct edit *e, size_t to)
{
	bool moved = to != e->at;

	e->at = to;
	e->typing = false;
	return moved ? 0 : -1;
}

static int cut(struct edit *e, size_t first, size_t end)
{
	if (first == end)
		return -1;
	remember(e, false);
	buf_reset(&e->cut);
	buf_add(&e->cut, bytes(e) + first, end - first);
	erase(e, first, end);
	return 0;
}

static int wipe(struct edit *e, size_t first, size_t end)
{
	if (first == end)
		return -1;
	remember(e, false);
	erase(e, first, end);
	return 0;
}

/* To the line above or below, as near as possible to the same column. */
static int vertical(struct edit *e, bool up)
{
	size_t start = line_start(e, e->at), end = line_end(e, e->at);

	if (up ? start == 0 : end == e->text.len)
		return -1;
	unsigned column = width_columns((struct str){bytes(e) + start, e->at - start});
	size_t to = up ? line_start(e, start - 1) : end + 1;
	size_t to_end = line_end(e, to);
	return move(e, to + width_fit((struct str){bytes(e) + to, to_end - to}, column, NULL));
}

static char *copy_of(const struct edit *e)
{
	char *p = malloc(e->text.len + 1);

	if (p) {
		memcpy(p, bytes(e), e->text.len);
		p[e->text.len] = 0;
	}
	return p;
}

static int show_history(struct edit *e, unsigned which)
{
	if (e->shown == e->n_history) {
		free(e->kept);
		e->kept = copy_of(e);
	}
	const char *text = which == e->n_history ? e->kept : e->history[which];
	e->shown = which;
	return edit_set(e, str_of(text ? text : ""));
}

static int go_up(struct edit *e)
{
	if (vertical(e, true) == 0)
		return 0;
	return e->shown > 0 ? show_history(e, e->shown - 1) : -1;
}

static int go_down(struct edit *e)
{
	if (vertical(e, false) == 0)
		return 0;
	return e->shown < e->n_history ? show_history(e, e->shown + 1) : -1;
}

static int step(struct edit *e, struct edit_state *list, unsigned *n, struct edit_state *other, unsigned *m)
{
	if (*n == 0)
		return -1;
	push(e, other, m);
	struct edit_state s = list[--*n];
	e->at = e->text.len = 0;
	put(e, (struct str){s.text, s.n});
	e->at = s.at;
	e->typing = false;
	free(s.text);
	return 0;
}

static int yank(struct edit *e)
{
	if (e->cut.len == 0)
		return -1;
	remember(e, false);
	return put(e, buf_str(&e->cut));
}

int edit_do(struct edit *e, enum edit_op op)
{
	switch (op) {
	case EDIT_LEFT:
		return move(e, left(e, e->at));
	case EDIT_RIGHT:
		return move(e, right(e, e->at));
	case EDIT_WORD_LEFT:
		return move(e, word_left(e, e->at));
	case EDIT_WORD_RIGHT:
		return move(e, word_right(e, e->at));
	case EDIT_HOME:
		return move(e, line_start(e, e->at));
	case EDIT_END:
		return move(e, line_end(e, e->at));
	case EDIT_UP:
		return go_up(e);
	case EDIT_DOWN:
		return go_down(e);
	case EDIT_TOP:
		return move(e, 0);
	case EDIT_BOTTOM:
		return move(e, e->text.len);
	case EDIT_BACKSPACE:
		return wipe(e, left(e, e->at), e->at);
	case EDIT_DELETE:
		return wipe(e, e->at, right(e, e->at));
	case EDIT_CUT_WORD_LEFT:
		return cut(e, blank_left(e, e->at), e->at);
	case EDIT_CUT_WORD_RIGHT:
		return cut(e, e->at, word_right(e, e->at));
	case EDIT_CUT_LEFT:
		return cut(e, line_start(e, e->at), e->at);
	case EDIT_CUT_RIGHT:
		return cut(e, e->at, line_end(e, e->at));
	case EDIT_CUT_LINE:
		return cut(e, line_start(e, e->at),
			line_end(e, e->at) < e->text.len ? line_end(e, e->at) + 1 : e->text.len);
	case EDIT_CLEAR:
		return cut(e, 0, e->text.len);
	case EDIT_YANK:
		return yank(e);
	case EDIT_UNDO:
		return step(e, e->undo, &e->n_undo, e->redo, &e->n_redo);
	case EDIT_REDO:
		return step(e, e->redo, &e->n_redo, e->undo, &e->n_undo);
	case EDIT_COUNT:
		break;
	}
	return -1;
}

static void add_history(struct edit *e, char *text)
{
	if (e->n_history > 0 && strcmp(e->history[e->n_history - 1], text) == 0) {
		free(text);
		return;
	}
	if (!e->history)
		e->history = calloc(EDIT_HISTORY_MAX, sizeof *e->history);
	if (!e->history) {
		free(text);
		return;
	}
	if (e->n_history == EDIT_HISTORY_MAX) {
		free(e->history[0]);
		memmove(e->history, e->history + 1, (EDIT_HISTORY_MAX - 1) * sizeof *e->history);
		e->n_history--;
	}
	e->history[e->n_history++] = text;
}

void edit_sent(struct edit *e)
{
	char *text = copy_of(e);

	if (text)
		add_history(e, text);
	e->shown = e->n_history;
	free(e->kept);
	e->kept = NULL;
	forget(e->undo, &e->n_undo);
	forget(e->redo, &e->n_redo);
	e->at = e->text.len = 0;
	e->typing = false;
}

unsigned edit_lines(const struct edit *e)
{
	unsigned n = 1;

	for (size_t i = 0; i < e->text.len; i++)
		n += bytes(e)[i] == '\n';
	return n;
}
