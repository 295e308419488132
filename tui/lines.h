/* The messages of the chosen chat as lines, and moving about in them. Pure. */
#ifndef CHAT_TUI_LINES_H
#define CHAT_TUI_LINES_H
#include "tui/grid.h"
#include "tui/model.h"

void lines_draw(const struct model *m, struct grid *g, struct rect r);
/* Scrolls by so many lines, up when above 0. Answers how many were left to go: not 0 at an end. */
int lines_scroll(struct model *m, struct rect r, int lines);
/* Brings a message into sight: to the top when it is not there already. */
void lines_show(struct model *m, struct rect r, unsigned i);
/* The message that stands in that row of the screen; -1. */
int lines_at(const struct model *m, struct rect r, int row);
/* How many messages stand below what is seen. */
unsigned lines_below(const struct model *m);
/* Local time of day, "14:07"; and a day, "Mon 23 Nov" or "Mon 23 Nov 2026" when its year is another one than now's. */
void time_of_day(uint64_t ms, char out[16]);
void day_of(uint64_t ms, uint64_t now_ms, char out[24]);
#endif
