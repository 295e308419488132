#include "tui/commands.h"
#include <stdio.h>

const struct command commands[COMMAND_COUNT] = {
#define COMMAND_ROW(id, name, args, min, max, first, second, help) \
	[COMMAND_##id] = {name, args, help, min, max, {WORD_##first, WORD_##second}},
	COMMAND_TABLE(COMMAND_ROW)
#undef COMMAND_ROW
};

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static struct str skip_blanks(struct str s)
{
	while (s.n > 0 && blank(*s.p))
		s = (struct str){s.p + 1, s.n - 1};
	return s;
}

static struct str trim(struct str s)
{
	s = skip_blanks(s);
	while (s.n > 0 && blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* The first word of *s, which then begins behind it. */
static struct str take_word(struct str *s)
{
	struct str w = {s->p, 0};

	while (w.n < s->n && !blank(w.p[w.n]))
		w.n++;
	*s = skip_blanks((struct str){s->p + w.n, s->n - w.n});
	return w;
}

static int find(struct str name)
{
	for (int i = 0; i < COMMAND_COUNT; i++)
		if (str_is(name, commands[i].name))
			return i;
	return -1;
}

static void wrong(struct line *l, const char *fmt, struct str word, const char *more)
{
	l->kind = LINE_WRONG;
	snprintf(l->why, sizeof l->why, fmt, (int)(word.n > 40 ? 40 : word.n), word.p, more);
}

void line_parse(struct str text, struct line *l)
{
	struct str s = trim(text);

	*l = (struct line){.kind = LINE_TEXT, .text = s};
	if (s.n == 0) {
		l->kind = LINE_EMPTY;
		return;
	}
	if (s.p[0] != '/')
		return;
	s = (struct str){s.p + 1, s.n - 1};
	if (s.n > 0 && s.p[0] == '/') {
		l->text = s;
		return;
	}
	struct str name = take_word(&s);
	int id = find(name);
	if (id < 0) {
		wrong(l, "There is no command /%.*s. Begin with // to send it as text; /help lists the commands.%s",
			name, "");
		return;
	}
	const struct command *c = &commands[id];
	l->kind = LINE_COMMAND;
	l->id = (enum command_id)id;
	while (s.n > 0 && l->n < c->max) {
		struct str rest = s;
		l->word[l->n] = take_word(&s);
		if (++l->n == c->max) {
			l->word[l->n - 1] = rest;
			s.n = 0;
		}
	}
	if (l->n < c->min || s.n > 0)
		wrong(l, "Usage: /%.*s %s", str_of(c->name), c->args);
}

static void offer(struct completion *c, const char *word, struct str begun)
{
	size_t n = 0;

	if (strlen(word) < begun.n || memcmp(word, begun.p, begun.n) != 0 || strlen(word) >= COMPLETE_WORD)
		return;
	if (c->n == 0)
		snprintf(c->common, sizeof c->common, "%s", word);
	while (c->common[n] && c->common[n] == word[n])
		n++;
	c->common[n] = 0;
	if (c->n < COMPLETE_LIST)
		snprintf(c->list[c->n], COMPLETE_WORD, "%s", word);
	c->n++;
}

void line_complete(struct str before, const char *(*fn)(void *ctx, enum word_kind k, struct str earlier, unsigned i),
	void *ctx, struct completion *c)
{
	struct str words[COMMAND_WORDS + 1], s = before;
	unsigned n = 0;
	const char *word;

	*c = (struct completion){.start = before.n};
	if (before.n == 0 || before.p[0] != '/' || (before.n > 1 && before.p[1] == '/'))
		return;
	while (c->start > 0 && !blank(before.p[c->start - 1]))
		c->start--;
	struct str begun = {before.p + c->start, before.n - c->start};
	for (s.n = c->start; s.n > 0 && n <= COMMAND_WORDS;)
		words[n++] = take_word(&s);
	if (n == 0) {
		c->start = 1;
		c->slash = true;
		begun = (struct str){before.p + 1, before.n - 1};
		for (int i = 0; i < COMMAND_COUNT; i++)
			offer(c, commands[i].name, begun);
		return;
	}
	int id = find((struct str){words[0].p + 1, words[0].n - 1});
	if (id < 0 || n > 2)
		return;
	for (unsigned i = 0; (word = fn(ctx, commands[id].word[n - 1], words[n - 1], i)); i++)
		offer(c, word, begun);
}
