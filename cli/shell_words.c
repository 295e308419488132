#include "cli/shell.h"

struct splitter {
	const char *p;
	char *out, *end;
	char special;
};

static bool put(struct splitter *s, char ch)
{
	if (s->out == s->end)
		return false;
	*s->out++ = ch;
	return true;
}

/* p stands behind the opening quote. */
static enum words_result quoted(struct splitter *s, char quote)
{
	for (; *s->p && *s->p != quote; s->p++) {
		if (quote == '"' && *s->p == '\\' && (s->p[1] == '"' || s->p[1] == '\\'))
			s->p++;
		if (!put(s, *s->p))
			return WORDS_MANY;
	}
	if (!*s->p)
		return WORDS_OPEN;
	s->p++;
	return WORDS_OK;
}

static enum words_result escaped(struct splitter *s)
{
	s->p++;
	if (!*s->p)
		return WORDS_OPEN;
	if (*s->p != '\n' && !put(s, *s->p)) /* a line that goes on */
		return WORDS_MANY;
	s->p++;
	return WORDS_OK;
}

static enum words_result one_word(struct splitter *s)
{
	enum words_result rc = WORDS_OK;

	while (rc == WORDS_OK && *s->p && !strchr(" \t\n", *s->p)) {
		if (*s->p == '\'' || *s->p == '"') {
			s->p++;
			rc = quoted(s, s->p[-1]);
		} else if (*s->p == '\\') {
			rc = escaped(s);
		} else if (strchr("|&;<>", *s->p)) {
			s->special = *s->p;
			rc = WORDS_SPECIAL;
		} else {
			rc = put(s, *s->p++) ? WORDS_OK : WORDS_MANY;
		}
	}
	if (rc == WORDS_OK && !put(s, 0))
		rc = WORDS_MANY;
	return rc;
}

enum words_result shell_words(
	const char *line, char *text, size_t text_max, const char **words, int max, int *n, char *special)
{
	struct splitter s = {.p = line, .out = text, .end = text + text_max};
	enum words_result rc = WORDS_OK;

	*n = 0;
	*special = 0;
	while (rc == WORDS_OK) {
		s.p += strspn(s.p, " \t\n");
		if (!*s.p)
			break;
		if (*s.p == '#') {
			s.p += strcspn(s.p, "\n");
			continue;
		}
		if (s.p[0] == '\\' && s.p[1] == '\n') {
			s.p += 2;
			continue;
		}
		if (*n == max)
			return WORDS_MANY;
		words[*n] = s.out;
		rc = one_word(&s);
		*n += rc == WORDS_OK;
	}
	*special = s.special;
	return rc;
}
