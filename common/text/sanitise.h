/* What peers send, made safe to show: nothing of it may move a cursor, colour a screen, set a title, fake a line or turn the reading direction.
 * Used by every output to a terminal. Pure. */
#ifndef CHAT_TEXT_SANITISE_H
#define CHAT_TEXT_SANITISE_H
#include "common/base/buf.h"

enum sanitise_mode {
	SANITISE_LINE, /* one line: newline and tab are shown as \n and \t */
	SANITISE_TEXT, /* newline and tab pass; a carriage return before a newline is dropped */
	SANITISE_JSON, /* the text is JSON and stays the same JSON: what is shown as an escape is a JSON escape, newline and tab pass, no mark is left out */
};
enum {
	SANITISE_COMBINING_MAX = 8, /* marks on one base; the rest is left out */
	SANITISE_GROWTH_MAX = 6,    /* bytes that a byte of the text may become */
};

/* Appends a safe form of text (any bytes). Shown as \xNN: C0, DEL, bytes that are not UTF-8. Shown as \uNNNN: C1, bidirectional controls (U+061C, U+200E,
 * U+200F, U+202A to U+202E, U+2066 to U+2069), line and paragraph separators, invisible format characters (zero-width space, word joiner, BOM, soft
 * hyphen, tags, interlinear marks) but the zero-width joiner and non-joiner, which scripts and emoji need. 0, or -1 when the buffer is full. */
int sanitise(struct buf *out, struct str text, enum sanitise_mode mode);
#endif
