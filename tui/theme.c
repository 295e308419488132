#include "tui/theme.h"
#include <stddef.h>
#include <string.h>

enum { BLACK, RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN, WHITE, OWN = -1 };

const struct theme themes[] = {
	{"dark",
		{
			[STYLE_NORMAL] = {OWN, OWN, 0},
			[STYLE_HEADER] = {OWN, OWN, LOOK_REVERSE},
			[STYLE_FOOTER] = {OWN, OWN, LOOK_DIM},
			[STYLE_LINE] = {BLUE, OWN, 0},
			[STYLE_DIM] = {OWN, OWN, LOOK_DIM},
			[STYLE_NAME] = {CYAN, OWN, 0},
			[STYLE_OWN] = {GREEN, OWN, 0},
			[STYLE_STRONG] = {OWN, OWN, LOOK_BOLD},
			[STYLE_NEW] = {YELLOW, OWN, LOOK_BOLD},
			[STYLE_CURSOR] = {OWN, OWN, LOOK_REVERSE},
			[STYLE_GOOD] = {GREEN, OWN, LOOK_BOLD},
			[STYLE_WARN] = {YELLOW, OWN, LOOK_BOLD},
			[STYLE_BAD] = {RED, OWN, LOOK_BOLD},
			[STYLE_MATCH] = {YELLOW, OWN, LOOK_UNDERLINE},
		}},
	{"light",
		{
			[STYLE_NORMAL] = {OWN, OWN, 0},
			[STYLE_HEADER] = {WHITE, BLUE, LOOK_BOLD},
			[STYLE_FOOTER] = {BLUE, OWN, 0},
			[STYLE_LINE] = {BLUE, OWN, 0},
			[STYLE_DIM] = {OWN, OWN, 0},
			[STYLE_NAME] = {BLUE, OWN, LOOK_BOLD},
			[STYLE_OWN] = {MAGENTA, OWN, 0},
			[STYLE_STRONG] = {OWN, OWN, LOOK_BOLD},
			[STYLE_NEW] = {RED, OWN, LOOK_BOLD},
			[STYLE_CURSOR] = {OWN, OWN, LOOK_REVERSE},
			[STYLE_GOOD] = {BLUE, OWN, LOOK_BOLD},
			[STYLE_WARN] = {MAGENTA, OWN, LOOK_BOLD},
			[STYLE_BAD] = {RED, OWN, LOOK_BOLD},
			[STYLE_MATCH] = {RED, OWN, LOOK_UNDERLINE},
		}},
	{"mono",
		{
			[STYLE_NORMAL] = {OWN, OWN, 0},
			[STYLE_HEADER] = {OWN, OWN, LOOK_REVERSE},
			[STYLE_FOOTER] = {OWN, OWN, 0},
			[STYLE_LINE] = {OWN, OWN, 0},
			[STYLE_DIM] = {OWN, OWN, 0},
			[STYLE_NAME] = {OWN, OWN, 0},
			[STYLE_OWN] = {OWN, OWN, 0},
			[STYLE_STRONG] = {OWN, OWN, LOOK_BOLD},
			[STYLE_NEW] = {OWN, OWN, LOOK_BOLD},
			[STYLE_CURSOR] = {OWN, OWN, LOOK_REVERSE},
			[STYLE_GOOD] = {OWN, OWN, 0},
			[STYLE_WARN] = {OWN, OWN, LOOK_BOLD},
			[STYLE_BAD] = {OWN, OWN, LOOK_BOLD},
			[STYLE_MATCH] = {OWN, OWN, LOOK_UNDERLINE},
		}},
};

const struct glyphs glyph_sets[] = {
	{"unicode",
		{
			[GLYPH_QUEUED] = "◌",
			[GLYPH_SENDING] = "·",
			[GLYPH_SENT] = "✓",
			[GLYPH_DELIVERED] = "✓✓",
			[GLYPH_READ] = "✓✓",
			[GLYPH_FAILED] = "✗",
			[GLYPH_HERE] = ">",
			[GLYPH_ONLINE] = "●",
			[GLYPH_AWAY] = "○",
			[GLYPH_ALERT] = "!",
			[GLYPH_MUTED] = "z",
			[GLYPH_H] = "─",
			[GLYPH_V] = "│",
			[GLYPH_CORNER] = "┴",
			[GLYPH_NEW] = "═",
			[GLYPH_MORE] = "…",
			[GLYPH_DOT] = "·",
		}},
	{"ascii",
		{
			[GLYPH_QUEUED] = "~",
			[GLYPH_SENDING] = ".",
			[GLYPH_SENT] = "+",
			[GLYPH_DELIVERED] = "++",
			[GLYPH_READ] = "+R",
			[GLYPH_FAILED] = "!",
			[GLYPH_HERE] = ">",
			[GLYPH_ONLINE] = "*",
			[GLYPH_AWAY] = "o",
			[GLYPH_ALERT] = "!",
			[GLYPH_MUTED] = "z",
			[GLYPH_H] = "-",
			[GLYPH_V] = "|",
			[GLYPH_CORNER] = "+",
			[GLYPH_NEW] = "=",
			[GLYPH_MORE] = "~",
			[GLYPH_DOT] = "-",
		}},
};

const struct theme *theme_find(const char *name)
{
	for (int i = 0; i < THEME_COUNT; i++)
		if (strcmp(themes[i].name, name) == 0)
			return &themes[i];
	return NULL;
}

const struct glyphs *glyphs_find(const char *name)
{
	for (int i = 0; i < GLYPH_SETS; i++)
		if (strcmp(glyph_sets[i].name, name) == 0)
			return &glyph_sets[i];
	return NULL;
}
