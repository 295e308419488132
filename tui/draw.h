/* A picture of the model: header, list of chats, messages, what is written, hints. Pure: what it draws is compared with texts in the tests. */
#ifndef CHAT_TUI_DRAW_H
#define CHAT_TUI_DRAW_H
#include "tui/grid.h"
#include "tui/model.h"

/* Where things are for this model on a screen of that size. */
struct layout draw_layout(const struct model *m, int rows, int cols);
/* Draws into g, which gets that size. 0, or -1: no memory. */
int draw(const struct model *m, struct grid *g, int rows, int cols);
/* "online 12ms", "offline, next try in 5s": the connection in words. */
void link_words(const struct model *m, char out[160]);
/* "online", "last seen 14:06", or empty: the other side. */
void presence_words(const struct model *m, const struct chat *c, char out[64]);
/* What is written: rows that it takes at that width. */
int composer_rows(const struct model *m, int cols);
void draw_composer(const struct model *m, struct grid *g, struct rect r);
void draw_panel(const struct model *m, struct grid *g, struct rect r);
#endif
