#include "tui/input.h"
#include <curses.h>

enum { CODE_FIRST = KEY_MAX + 1, PASTE_BEGIN = 0x200000, PASTE_END, FOCUS_IN, FOCUS_OUT, ALT = 0x400000 };

/* What terminals say beyond what terminfo knows. */
static const struct {
	const char *bytes;
	uint32_t code;
} sequences[] = {
	{"\033[200~", PASTE_BEGIN},
	{"\033[201~", PASTE_END},
	{"\033[I", FOCUS_IN},
	{"\033[O", FOCUS_OUT},
	{"\033[1;5D", PRESS_CTRL_LEFT},
	{"\033[1;5C", PRESS_CTRL_RIGHT},
	{"\033[1;5H", PRESS_CTRL_HOME},
	{"\033[1;5F", PRESS_CTRL_END},
	{"\033[1;2A", PRESS_SHIFT_UP},
	{"\033[1;2B", PRESS_SHIFT_DOWN},
	{"\033[1;3A", PRESS_UP | ALT},
	{"\033[1;3B", PRESS_DOWN | ALT},
	{"\033[1;3C", PRESS_RIGHT | ALT},
	{"\033[1;3D", PRESS_LEFT | ALT},
	{"\033[1;3H", PRESS_HOME | ALT},
	{"\033[1;3F", PRESS_END | ALT},
	{"\033[H", PRESS_HOME},
	{"\033[F", PRESS_END},
	{"\033[1~", PRESS_HOME},
	{"\033[4~", PRESS_END},
	{"\033[7~", PRESS_HOME},
	{"\033[8~", PRESS_END},
};

static const struct {
	wint_t curses;
	uint32_t code;
} known[] = {
	{KEY_UP, PRESS_UP},
	{KEY_DOWN, PRESS_DOWN},
	{KEY_LEFT, PRESS_LEFT},
	{KEY_RIGHT, PRESS_RIGHT},
	{KEY_HOME, PRESS_HOME},
	{KEY_END, PRESS_END},
	{KEY_FIND, PRESS_HOME},
	{KEY_SELECT, PRESS_END},
	{KEY_PPAGE, PRESS_PGUP},
	{KEY_NPAGE, PRESS_PGDN},
	{KEY_IC, PRESS_INSERT},
	{KEY_DC, PRESS_DELETE},
	{KEY_BTAB, PRESS_BACKTAB},
	{KEY_SR, PRESS_SHIFT_UP},
	{KEY_SF, PRESS_SHIFT_DOWN},
	{KEY_BACKSPACE, 0x7f},
	{KEY_ENTER, '\r'},
};

enum { PASTE_MAX = 1 << 20 };
static struct buf paste;
static bool pasting;

void input_open(void)
{
	buf_init(&paste, PASTE_MAX);
	for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++)
		define_key(sequences[i].bytes, CODE_FIRST + (int)i);
}

void input_close(void)
{
	buf_release(&paste);
}

static uint32_t translate(wint_t c)
{
	if (c >= CODE_FIRST && c < CODE_FIRST + sizeof sequences / sizeof *sequences)
		return sequences[c - CODE_FIRST].code;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (known[i].curses == c)
			return known[i].code;
	if (c >= (wint_t)KEY_F(1) && c <= (wint_t)KEY_F(12))
		return PRESS_F1 + (c - (wint_t)KEY_F(1));
	return PRESS_NONE;
}

static void add_to_paste(uint32_t c)
{
	char text[5];

	buf_add(&paste, text, key_utf8(c, text));
}

static bool read_mouse(struct input *in)
{
	MEVENT e;

	if (getmouse(&e) != OK)
		return false;
	in->kind = e.bstate & BUTTON4_PRESSED   ? INPUT_WHEEL_UP
		   : e.bstate & BUTTON5_PRESSED ? INPUT_WHEEL_DOWN
						: INPUT_PRESS;
	in->row = e.y;
	in->col = e.x;
	return true;
}

/* A code that is no text. true: *in is to be handed on. */
static bool special(struct input *in, uint32_t code)
{
	if (code == PASTE_BEGIN) {
		pasting = true;
		buf_reset(&paste);
	} else if (code == FOCUS_IN || code == FOCUS_OUT) {
		in->kind = code == FOCUS_IN ? INPUT_FOCUS : INPUT_BLUR;
		return true;
	} else if (code != PRESS_NONE && code != PASTE_END) {
		in->key.alt = in->key.alt || (code & ALT);
		in->key.code = code & ~(uint32_t)ALT;
		return true;
	}
	return false;
}

bool input_next(struct input *in)
{
	wint_t c;
	int rc;

	while ((rc = get_wch(&c)) != ERR) {
		uint32_t code = rc == KEY_CODE_YES ? translate(c) : (uint32_t)c;
		*in = (struct input){.kind = INPUT_KEY};
		if (pasting && code == PASTE_END) {
			pasting = false;
			/* More than the buffer takes is more than a composer takes: it refuses what there is of it. */
			in->kind = INPUT_PASTE;
			in->paste = buf_str(&paste);
			return true;
		}
		if (pasting) {
			if (code < 0x110000)
				add_to_paste(code == '\r' ? '\n' : code);
			continue;
		}
		if (rc == KEY_CODE_YES && c == KEY_MOUSE) {
			if (read_mouse(in))
				return true;
			continue;
		}
		if (rc == KEY_CODE_YES) {
			if (special(in, code))
				return true;
			continue;
		}
		/* Escape and a key at once: Alt. */
		if (code == 0x1b && (rc = get_wch(&c)) != ERR) {
			/* Escape twice is twice Escape. */
			if (rc == OK && c == 0x1b) {
				unget_wch(L'\x1b');
				in->key.code = code;
				return true;
			}
			in->key.alt = true;
			code = rc == KEY_CODE_YES ? translate(c) : (uint32_t)c;
			if (rc == KEY_CODE_YES) {
				if (special(in, code))
					return true;
				continue;
			}
		}
		in->key.code = code;
		return true;
	}
	return false;
}
