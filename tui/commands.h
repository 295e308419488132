/* The commands that begin with a slash: one table for parsing, help and completion. Pure. */
#ifndef CHAT_TUI_COMMANDS_H
#define CHAT_TUI_COMMANDS_H
#include "common/base/str.h"

/* id, name, arguments, least and most words (the last one takes the rest of the line), what completes the first and second word, help */
#define COMMAND_TABLE(X)                                                                                       \
	X(MSG, "msg", "USER [TEXT]", 1, 2, USER, NONE,                                                         \
		"open a chat with USER, or begin one; with TEXT send it at once")                              \
	X(SEARCH, "search", "[WORDS]", 0, 1, NONE, NONE,                                                       \
		"search all messages; \"two words\" together, wor* for any ending")                            \
	X(CONTACT, "contact", "[add|rm USER | alias USER [NAME]]", 0, 3, CONTACT, USER,                        \
		"your contacts; give one a name")                                                              \
	X(BLOCK, "block", "[USER]", 0, 1, USER, NONE, "take nothing more from USER (the one of this chat)")    \
	X(UNBLOCK, "unblock", "[USER]", 0, 1, USER, NONE, "take messages again")                               \
	X(READ, "read", "[all]", 0, 1, ALL, NONE, "mark this chat as read, or all of them")                    \
	X(MUTE, "mute", "", 0, 0, NONE, NONE, "no notice for this chat, or again")                             \
	X(DEVICES, "devices", "[rm DEVICE]", 0, 2, RM, NONE, "where you are logged in; log one of them out")   \
	X(RETRY, "retry", "", 0, 0, NONE, NONE, "send what failed in this chat again")                         \
	X(OUTBOX, "outbox", "", 0, 0, NONE, NONE, "what waits to be sent, or failed")                          \
	X(EDITOR, "editor", "", 0, 0, NONE, NONE, "write in $EDITOR")                                          \
	X(EXPORT, "export", "FILE", 1, 1, NONE, NONE, "write this chat into FILE, one JSON object a line")     \
	X(SET, "set", "[KEY [VALUE]]", 0, 2, SETTING, VALUE, "settings; change one, kept for the next time")   \
	X(BIND, "bind", "[KEY ACTION]", 0, 2, NONE, ACTION, "keys; bind one, kept for the next time")          \
	X(THEME, "theme", "[NAME]", 0, 1, THEME, NONE, "dark, light or mono")                                  \
	X(LOGIN, "login", "", 0, 0, NONE, NONE, "enter the password again, when the login is no longer valid") \
	X(RECONNECT, "reconnect", "", 0, 0, NONE, NONE, "connect now, without waiting")                        \
	X(HELP, "help", "", 0, 0, NONE, NONE, "keys and commands")                                             \
	X(QUIT, "quit", "", 0, 0, NONE, NONE, "quit; what waits to be sent stays on disk")

enum command_id {
#define COMMAND_ENUM(id, name, args, min, max, first, second, help) COMMAND_##id,
	COMMAND_TABLE(COMMAND_ENUM)
#undef COMMAND_ENUM
		COMMAND_COUNT
};
enum word_kind {
	WORD_NONE,
	WORD_USER,
	WORD_CONTACT,
	WORD_ALL,
	WORD_RM,
	WORD_SETTING,
	WORD_VALUE,
	WORD_ACTION,
	WORD_THEME,
	WORD_COMMAND
};
struct command {
	const char *name, *args, *help;
	unsigned min, max;
	enum word_kind word[2];
};
extern const struct command commands[COMMAND_COUNT];

enum { COMMAND_WORDS = 3, COMMAND_LINE_MAX = 16385 };
enum line_kind {
	LINE_EMPTY,
	LINE_TEXT,    /* text: to send */
	LINE_COMMAND, /* id, words */
	LINE_WRONG,   /* why: never to be sent */
};
struct line {
	enum line_kind kind;
	struct str text; /* within the line given */
	enum command_id id;
	unsigned n;
	struct str word[COMMAND_WORDS];
	char why[160];
};
/* What is to be done with what was written. A text that begins with // is a text that begins with /. */
void line_parse(struct str text, struct line *l);

/* Completion: `before` is the line up to the cursor. fn is asked for the words of a kind (i = 0, 1, …; NULL ends; earlier: the words before, for WORD_VALUE).
 * Answers how many fit (0: none); *start: where the word to replace begins; out: what all of them have in common; list: the first of them. */
enum { COMPLETE_LIST = 12, COMPLETE_WORD = 64 };
struct completion {
	size_t start;
	unsigned n;
	bool slash; /* a command's name */
	char common[COMPLETE_WORD];
	char list[COMPLETE_LIST][COMPLETE_WORD];
};
void line_complete(struct str before, const char *(*fn)(void *ctx, enum word_kind k, struct str earlier, unsigned i),
	void *ctx, struct completion *c);
#endif
