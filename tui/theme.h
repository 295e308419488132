/* What things look like: themes for light and dark backgrounds and for none, glyphs in Unicode and in ASCII. Nothing is told by colour alone. Pure. */
#ifndef CHAT_TUI_THEME_H
#define CHAT_TUI_THEME_H
#include <stdbool.h>

enum style {
	STYLE_NORMAL,
	STYLE_HEADER,
	STYLE_FOOTER,
	STYLE_LINE,   /* rules and dividers */
	STYLE_DIM,    /* times, help */
	STYLE_NAME,   /* the other side's */
	STYLE_OWN,    /* mine */
	STYLE_STRONG, /* unread, read */
	STYLE_NEW,    /* the divider before what is new */
	STYLE_CURSOR, /* the chosen chat or message */
	STYLE_GOOD,
	STYLE_WARN,
	STYLE_BAD,
	STYLE_MATCH,
	STYLE_COUNT
};
enum { LOOK_BOLD = 1, LOOK_DIM = 2, LOOK_REVERSE = 4, LOOK_UNDERLINE = 8 };
struct look {
	short fg, bg; /* of the terminal's eight colours; -1: its own */
	unsigned attributes;
};
struct theme {
	const char *name;
	struct look look[STYLE_COUNT];
};

enum glyph {
	GLYPH_QUEUED,
	GLYPH_SENDING,
	GLYPH_SENT,
	GLYPH_DELIVERED,
	GLYPH_READ,
	GLYPH_FAILED,
	GLYPH_HERE,   /* the chosen chat */
	GLYPH_ONLINE, /* is there */
	GLYPH_AWAY,
	GLYPH_ALERT,
	GLYPH_MUTED,
	GLYPH_H,
	GLYPH_V,
	GLYPH_CORNER, /* where the two meet */
	GLYPH_NEW,    /* the double line */
	GLYPH_MORE,   /* cut off here */
	GLYPH_DOT,
	GLYPH_COUNT
};
struct glyphs {
	const char *name;
	const char *glyph[GLYPH_COUNT];
};
extern const struct theme themes[];
extern const struct glyphs glyph_sets[]; /* unicode, ascii */
enum { THEME_COUNT = 3, GLYPH_SETS = 2 };
/* NULL: there is none of that name. */
const struct theme *theme_find(const char *name);
const struct glyphs *glyphs_find(const char *name);
#endif
