/* Finding a chat by a few of its letters: the switcher. Pure. */
#ifndef CHAT_TUI_FUZZY_H
#define CHAT_TUI_FUZZY_H
#include "common/base/str.h"

/* How well `text` fits: the letters of `wanted` occur in it, in order, whatever their case. -1: they do not; 0: nothing is wanted; else the more the
 * better: at the start, at the start of a word, in one piece, in a short text. */
int fuzzy_score(struct str wanted, struct str text);
#endif
