#include "tui/keys.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static const struct {
	uint32_t code;
	const char *name;
} names[] = {
	{'\r', "Enter"},
	{'\t', "Tab"},
	{0x1b, "Esc"},
	{' ', "Space"},
	{0x7f, "Backspace"},
	{PRESS_UP, "Up"},
	{PRESS_DOWN, "Down"},
	{PRESS_LEFT, "Left"},
	{PRESS_RIGHT, "Right"},
	{PRESS_HOME, "Home"},
	{PRESS_END, "End"},
	{PRESS_PGUP, "PgUp"},
	{PRESS_PGDN, "PgDn"},
	{PRESS_INSERT, "Insert"},
	{PRESS_DELETE, "Delete"},
	{PRESS_BACKTAB, "Shift+Tab"},
	{PRESS_CTRL_LEFT, "Ctrl+Left"},
	{PRESS_CTRL_RIGHT, "Ctrl+Right"},
	{PRESS_CTRL_HOME, "Ctrl+Home"},
	{PRESS_CTRL_END, "Ctrl+End"},
	{PRESS_SHIFT_UP, "Shift+Up"},
	{PRESS_SHIFT_DOWN, "Shift+Down"},
};

static const struct {
	const char *name, *help, *keys;
	enum section section;
} actions[ACTION_EDIT] = {
#define ACTION_ROW(id, word, in, text, bound) [ACTION_##id] = {word, text, bound, SECTION_##in},
	ACTION_TABLE(ACTION_ROW)
#undef ACTION_ROW
};

static const struct {
	const char *name, *help;
} edits[EDIT_COUNT] = {
#define EDIT_ROW(id, word, text) [EDIT_##id] = {word, text},
	EDIT_TABLE(EDIT_ROW)
#undef EDIT_ROW
};

static const char *const edit_keys[EDIT_COUNT] = {
	[EDIT_LEFT] = "Left Ctrl+B",
	[EDIT_RIGHT] = "Right Ctrl+F",
	[EDIT_WORD_LEFT] = "Alt+B Ctrl+Left Alt+Left",
	[EDIT_WORD_RIGHT] = "Alt+F Ctrl+Right Alt+Right",
	[EDIT_HOME] = "Ctrl+A Home",
	[EDIT_END] = "Ctrl+E End",
	[EDIT_UP] = "Up",
	[EDIT_DOWN] = "Down",
	[EDIT_TOP] = "Alt+Home",
	[EDIT_BOTTOM] = "Alt+End",
	[EDIT_BACKSPACE] = "Backspace Ctrl+H",
	[EDIT_DELETE] = "Delete Ctrl+D",
	[EDIT_CUT_WORD_LEFT] = "Ctrl+W Alt+Backspace",
	[EDIT_CUT_WORD_RIGHT] = "Alt+D",
	[EDIT_CUT_LEFT] = "Ctrl+U",
	[EDIT_YANK] = "Ctrl+Y",
	[EDIT_UNDO] = "Ctrl+_ Alt+Z",
	[EDIT_REDO] = "Alt+_ Alt+Y",
};

static void code_name(uint32_t code, char out[16])
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].code == code) {
			snprintf(out, 16, "%s", names[i].name);
			return;
		}
	if (code >= PRESS_F1 && code <= PRESS_LAST)
		snprintf(out, 16, "F%u", (unsigned)(code - PRESS_F1 + 1));
	else if (code < 0x20)
		snprintf(out, 16, "Ctrl+%c", (int)code + '@');
	else if (code < 0x80)
		snprintf(out, 16, "%c", (int)code);
	else
		snprintf(out, 16, "U+%04X", (unsigned)code);
}

void press_name(struct key k, char out[KEY_NAME_MAX])
{
	char name[16];

	code_name(k.code, name);
	/* On an English keyboard a letter with Alt is written as a capital, and typed without Shift. */
	if (k.alt && k.code >= 'a' && k.code <= 'z')
		name[0] = (char)toupper(name[0]);
	snprintf(out, KEY_NAME_MAX, "%s%s%s", k.x ? "Ctrl+X " : "", k.alt ? "Alt+" : "", name);
}

/* Takes "Alt+", "alt-" or "M-" from the front. */
static bool takes(const char **p, const char *word, char letter)
{
	size_t n = strlen(word);

	if (strncasecmp(*p, word, n) == 0 && ((*p)[n] == '+' || (*p)[n] == '-') && (*p)[n + 1])
		*p += n + 1;
	else if ((*p)[0] == letter && (*p)[1] == '-' && (*p)[2])
		*p += 2;
	else
		return false;
	return true;
}

static int parse_code(const char *p, uint32_t *code)
{
	char *end;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *n = names[i].name;
		size_t k = 0;
		while (n[k] &&
			(tolower((unsigned char)n[k]) == tolower((unsigned char)p[k]) || (n[k] == '+' && p[k] == '-')))
			k++;
		if (!n[k] && !p[k]) {
			*code = names[i].code;
			return 0;
		}
	}
	if ((p[0] == 'F' || p[0] == 'f') && p[1]) {
		long f = strtol(p + 1, &end, 10);
		*code = (uint32_t)(PRESS_F1 + f - 1);
		return *end == 0 && f >= 1 && f <= 12 ? 0 : -1;
	}
	if (takes(&p, "ctrl", 'C')) {
		int c = toupper((unsigned char)p[0]);
		*code = (uint32_t)(c - '@');
		return p[1] == 0 && c >= '@' && c <= '_' ? 0 : -1;
	}
	*code = (unsigned char)p[0];
	return p[0] > 0x20 && p[0] < 0x7f && p[1] == 0 ? 0 : -1;
}

int key_parse(const char *name, struct key *k)
{
	static const char *const x[] = {"Ctrl+X ", "Ctrl-X ", "C-x ", "Ctrl+X_"};

	*k = (struct key){0};
	for (size_t i = 0; i < sizeof x / sizeof *x; i++)
		if (strncasecmp(name, x[i], strlen(x[i])) == 0 && name[strlen(x[i])]) {
			k->x = true;
			name += strlen(x[i]);
			break;
		}
	k->alt = takes(&name, "alt", 'M');
	if (parse_code(name, &k->code))
		return -1;
	if (k->alt && k->code >= 'A' && k->code <= 'Z')
		k->code += 'a' - 'A';
	return 0;
}

size_t key_utf8(uint32_t c, char out[5])
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : c < 0x110000 ? 4 : 0;

	memset(out, 0, 5);
	for (size_t i = n; i-- > 1; c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	if (n > 0)
		out[0] = (char)(n == 1 ? c : (0xf00u >> n & 0xf0) | c);
	return n;
}

static bool same(struct key a, struct key b)
{
	return a.code == b.code && a.alt == b.alt && a.x == b.x;
}

int keymap_find(const struct keymap *m, struct key k)
{
	if (k.alt && k.code >= 'A' && k.code <= 'Z')
		k.code += 'a' - 'A';
	for (unsigned i = 0; i < m->n; i++)
		if (same(m->bound[i].key, k))
			return m->bound[i].action;
	return ACTION_NONE;
}

int keymap_bind(struct keymap *m, struct key k, int action)
{
	for (unsigned i = 0; i < m->n; i++)
		if (same(m->bound[i].key, k)) {
			m->bound[i].action = action;
			return 0;
		}
	if (m->n == BINDINGS_MAX)
		return -1;
	m->bound[m->n].key = k;
	m->bound[m->n++].action = action;
	return 0;
}

static void bind_all(struct keymap *m, const char *keys, int action)
{
	char word[KEY_NAME_MAX];
	struct key k;

	for (const char *p = keys; p && *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");
		snprintf(word, sizeof word, "%.*s", (int)n, p);
		if (key_parse(word, &k) == 0)
			keymap_bind(m, k, action);
		p += n;
	}
}

void keymap_init(struct keymap *m)
{
	m->n = 0;
	for (int a = 0; a < ACTION_EDIT; a++)
		bind_all(m, actions[a].keys, a);
	for (int e = 0; e < EDIT_COUNT; e++)
		bind_all(m, edit_keys[e], ACTION_EDIT + e);
}

const char *action_name(int action)
{
	return action < ACTION_EDIT ? actions[action].name : edits[action - ACTION_EDIT].name;
}

const char *action_help(int action)
{
	return action < ACTION_EDIT ? actions[action].help : edits[action - ACTION_EDIT].help;
}

enum section action_section(int action)
{
	return action < ACTION_EDIT ? actions[action].section : SECTION_WRITE;
}

int action_find(const char *name)
{
	for (int a = 0; a < ACTION_COUNT; a++)
		if (strcmp(action_name(a), name) == 0)
			return a;
	return ACTION_NONE;
}

unsigned keymap_keys(const struct keymap *m, int action, unsigned max, char out[128])
{
	unsigned n = 0;
	char name[KEY_NAME_MAX];

	out[0] = 0;
	for (unsigned i = 0; i < m->n && n < max; i++) {
		if (m->bound[i].action != action)
			continue;
		press_name(m->bound[i].key, name);
		snprintf(out + strlen(out), 128 - strlen(out), "%s%s", n++ ? ", " : "", name);
	}
	return n;
}
