/* Keys and what they do: names of keys, the table of actions with their keys from the start, binding anew. Help is printed from it. Pure. */
#ifndef CHAT_TUI_KEYS_H
#define CHAT_TUI_KEYS_H
#include "common/base/buf.h"
#include "tui/edit.h"

/* A key: a code point or one of these; with Alt; after Ctrl+X. Ctrl and a letter is the control character. */
enum {
	PRESS_NONE = 0x110000,
	PRESS_UP,
	PRESS_DOWN,
	PRESS_LEFT,
	PRESS_RIGHT,
	PRESS_HOME,
	PRESS_END,
	PRESS_PGUP,
	PRESS_PGDN,
	PRESS_INSERT,
	PRESS_DELETE,
	PRESS_BACKTAB,
	PRESS_CTRL_LEFT,
	PRESS_CTRL_RIGHT,
	PRESS_CTRL_HOME,
	PRESS_CTRL_END,
	PRESS_SHIFT_UP,
	PRESS_SHIFT_DOWN,
	PRESS_F1, /* to F12 */
	PRESS_LAST = PRESS_F1 + 11
};
struct key {
	uint32_t code;
	bool alt, x;
};
enum { KEY_NAME_MAX = 32, BINDINGS_MAX = 256 };
/* "Ctrl+A" "Alt+Enter" "PgUp" "F2" "Ctrl+X Ctrl+E" "?" */
void press_name(struct key k, char out[KEY_NAME_MAX]);
/* The same, in any case, with - for +, and C- M- for Ctrl and Alt. 0 or -1. */
int key_parse(const char *name, struct key *k);

/* name, section of help, what help says, keys from the start (several: a blank between; a key of two strokes has _ in place of its blank) */
#define ACTION_TABLE(X)                                                                                    \
	X(SEND, "send", WRITE, "send", "Enter")                                                            \
	X(NEWLINE, "newline", WRITE, "new line", "Alt+Enter Ctrl+J")                                       \
	X(COMPLETE, "complete", WRITE, "complete a command or a name", "Tab")                              \
	X(EDITOR, "editor", WRITE, "write in $EDITOR", "Ctrl+X_Ctrl+E")                                    \
	X(INTERRUPT, "interrupt", WRITE, "empty the line; when it is empty, twice: quit", "Ctrl+C")        \
	X(SWITCHER, "chats", MOVE, "find a chat by name, or begin one", "F2 Alt+K")                        \
	X(SWITCHER_OR_CUT, "chats-or-cut", MOVE, "chats; with text right of the cursor: cut it", "Ctrl+K") \
	X(NEXT_UNREAD, "next-unread", MOVE, "next chat with something new", "Alt+A")                       \
	X(FIRST_UNREAD, "first-unread", MOVE, "first new message here", "Alt+U")                           \
	X(NEXT_CHAT, "next-chat", MOVE, "next chat in the list", "Ctrl+N Alt+Down")                        \
	X(PREV_CHAT, "prev-chat", MOVE, "previous chat", "Ctrl+P Alt+Up")                                  \
	X(CHAT_1, "chat-1", MOVE, "chats 1 to 9 of the list", "Alt+1")                                     \
	X(CHAT_2, "chat-2", MOVE, "", "Alt+2")                                                             \
	X(CHAT_3, "chat-3", MOVE, "", "Alt+3")                                                             \
	X(CHAT_4, "chat-4", MOVE, "", "Alt+4")                                                             \
	X(CHAT_5, "chat-5", MOVE, "", "Alt+5")                                                             \
	X(CHAT_6, "chat-6", MOVE, "", "Alt+6")                                                             \
	X(CHAT_7, "chat-7", MOVE, "", "Alt+7")                                                             \
	X(CHAT_8, "chat-8", MOVE, "", "Alt+8")                                                             \
	X(CHAT_9, "chat-9", MOVE, "", "Alt+9")                                                             \
	X(PAGE_UP, "page-up", MOVE, "older messages", "PgUp")                                              \
	X(PAGE_DOWN, "page-down", MOVE, "newer messages", "PgDn")                                          \
	X(LINE_UP, "scroll-up", MOVE, "one line up", "Shift+Up")                                           \
	X(LINE_DOWN, "scroll-down", MOVE, "one line down", "Shift+Down")                                   \
	X(OLDEST, "oldest", MOVE, "oldest message that is here", "Ctrl+Home Alt+<")                        \
	X(NEWEST, "newest", MOVE, "newest message", "Ctrl+End Alt+>")                                      \
	X(SEARCH, "search", MOVE, "search all messages", "Ctrl+S F3")                                      \
	X(SELECT, "select", MOVE, "choose a message: copy, send again, look into it", "Alt+S F4")          \
	X(HELP, "help", OTHER, "this help; also ? on an empty line", "F1")                                 \
	X(ESCAPE, "escape", OTHER, "leave what is open", "Esc")                                            \
	X(REDRAW, "redraw", OTHER, "draw the screen again", "Ctrl+L")                                      \
	X(SUSPEND, "suspend", OTHER, "to the shell (fg comes back)", "Ctrl+Z")                             \
	X(QUIT, "quit", OTHER, "quit", "Ctrl+Q")                                                           \
	X(NOTHING, "nothing", OTHER, "no longer bound", "")

enum action {
#define ACTION_ENUM(name, word, section, help, keys) ACTION_##name,
	ACTION_TABLE(ACTION_ENUM)
#undef ACTION_ENUM
		ACTION_EDIT, /* + an enum edit_op */
	ACTION_COUNT = ACTION_EDIT + EDIT_COUNT,
	ACTION_NONE = -1
};
enum section { SECTION_WRITE, SECTION_MOVE, SECTION_OTHER };

/* A key's character as UTF-8, empty when it has none: its bytes. */
size_t key_utf8(uint32_t code, char out[5]);

struct keymap {
	struct {
		struct key key;
		int action;
	} bound[BINDINGS_MAX];
	unsigned n;
};
void keymap_init(struct keymap *m);                    /* as from the start */
int keymap_find(const struct keymap *m, struct key k); /* an action, or ACTION_NONE */
/* 0; -1 when the table is full. */
int keymap_bind(struct keymap *m, struct key k, int action);
const char *action_name(int action);
const char *action_help(int action);
enum section action_section(int action);
int action_find(const char *name); /* or ACTION_NONE */
/* The keys of an action, "Ctrl+N, Alt+Down"; answers how many. max: at most so many. */
unsigned keymap_keys(const struct keymap *m, int action, unsigned max, char out[128]);
#endif
