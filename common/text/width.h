/* How much room text takes on a terminal: grapheme clusters, their columns, wrapping. The only user of utf8proc. Pure.
 *
 * Terminals disagree about sequences of emoji. So that columns hold on every one of them, a cluster is drawn as pieces of which each has one character
 * that takes room: people joined to a family stand side by side, a skin tone and a request for colour are left out. What takes no room of its own and
 * what moves cursors is never part of a piece, but marks on a base are. Any bytes may come in; what is not UTF-8 is drawn as U+FFFD. */
#ifndef CHAT_TEXT_WIDTH_H
#define CHAT_TEXT_WIDTH_H
#include "common/base/str.h"

enum { PIECE_MAX = 24, PIECE_MARKS = 4 };
struct piece {
	char text[PIECE_MAX]; /* what to draw, NUL-terminated */
	unsigned columns;     /* 0: nothing to draw; else 1 or 2 */
};

/* Bytes of the first cluster of text, 0 at its end; *columns (may be NULL): its room. A newline and a tab are clusters of their own; a tab has one column. */
size_t width_cluster(struct str text, unsigned *columns);
/* Where the cluster before `at` begins; 0 at the start. */
size_t width_back(struct str text, size_t at);
/* Bytes of the first piece of text, 0 at its end. */
size_t width_piece(struct str text, struct piece *p);
unsigned width_columns(struct str text);
/* How many bytes of text, in whole clusters, take at most `columns`; *used (may be NULL): how many columns they take. */
size_t width_fit(struct str text, unsigned columns, unsigned *used);
/* The first line of text, broken at a newline or, when it is longer than `columns`, behind the last blank that fits, else where it must be. Answers
 * the bytes to show (without what the break swallows); *next: where the next line begins, text.n behind the last; a newline at the very end begins an empty line,
 * told by *more. columns is at least 2. */
size_t width_wrap(struct str text, unsigned columns, size_t *next, bool *more);
/* Is the code point that begins at p part of a word? Letters and digits of any script, and marks. */
bool width_is_word(struct str text);
/* A code point's lower case, for comparing; its bytes are consumed from *text. 0 at the end. */
unsigned width_fold(struct str *text);
#endif
