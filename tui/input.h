/* Keys, pastes, the mouse and the focus from the terminal that screen.h has opened. */
#ifndef CHAT_TUI_INPUT_H
#define CHAT_TUI_INPUT_H
#include "tui/keys.h"

enum input_kind { INPUT_KEY, INPUT_PASTE, INPUT_PRESS, INPUT_WHEEL_UP, INPUT_WHEEL_DOWN, INPUT_FOCUS, INPUT_BLUR };
struct input {
	enum input_kind kind;
	struct key key;
	struct str paste; /* borrowed until the next call */
	int row, col;
};
void input_open(void); /* after screen_open() */
void input_close(void);
/* The next one that is there; false: none now. Does not wait. */
bool input_next(struct input *in);
#endif
