/* A line editor as people know it from readline, over text of several lines: the composer. The cursor moves by grapheme cluster. Pure; one owner. */
#ifndef CHAT_TUI_EDIT_H
#define CHAT_TUI_EDIT_H
#include "common/base/buf.h"
#include <stdint.h>

enum {
	EDIT_ROOM =
		262144, /* bytes that may be typed and pasted; what the server takes is less, and is said when sending */
	EDIT_UNDO_MAX = 64,
	EDIT_HISTORY_MAX = 100,
};

/* name, for binding; what help says */
#define EDIT_TABLE(X)                                             \
	X(LEFT, "left", "one character left")                     \
	X(RIGHT, "right", "one character right")                  \
	X(WORD_LEFT, "word-left", "one word left")                \
	X(WORD_RIGHT, "word-right", "one word right")             \
	X(HOME, "line-start", "start of the line")                \
	X(END, "line-end", "end of the line")                     \
	X(UP, "up", "a line up; on the first, sent before")       \
	X(DOWN, "down", "a line down; on the last, sent later")   \
	X(TOP, "text-start", "start of the text")                 \
	X(BOTTOM, "text-end", "end of the text")                  \
	X(BACKSPACE, "backspace", "delete to the left")           \
	X(DELETE, "delete", "delete under the cursor")            \
	X(CUT_WORD_LEFT, "cut-word-left", "cut the word left")    \
	X(CUT_WORD_RIGHT, "cut-word-right", "cut the word right") \
	X(CUT_LEFT, "cut-left", "cut to the start of the line")   \
	X(CUT_RIGHT, "cut-right", "cut to the end of the line")   \
	X(CUT_LINE, "cut-line", "cut the whole line")             \
	X(CLEAR, "clear", "cut all of it")                        \
	X(YANK, "yank", "put in what was cut")                    \
	X(UNDO, "undo", "undo")                                   \
	X(REDO, "redo", "undo the undo")

enum edit_op {
#define EDIT_ENUM(name, word, help) EDIT_##name,
	EDIT_TABLE(EDIT_ENUM)
#undef EDIT_ENUM
		EDIT_COUNT
};

struct edit_state {
	char *text; /* heap */
	size_t n, at;
};
struct edit {
	struct buf text; /* UTF-8 without control characters but newline and tab */
	size_t at;       /* the cursor, at a cluster's start */
	struct buf cut;
	struct edit_state undo[EDIT_UNDO_MAX], redo[EDIT_UNDO_MAX];
	unsigned n_undo, n_redo;
	bool typing;    /* the last change was typing: it is undone together with what is typed next */
	char **history; /* sent before, oldest first */
	unsigned n_history;
	unsigned shown; /* which of them is shown; n_history: none, what is being written */
	char *kept;     /* what was being written while one of them is shown */
};

void edit_init(struct edit *e);
void edit_release(struct edit *e);
/* Puts text at the cursor: CR and CR LF become LF, what is not UTF-8 becomes U+FFFD, other control characters are left out. 0; -1: it does not fit,
 * nothing was put in. paste: undone as one. */
int edit_insert(struct edit *e, struct str text, bool paste);
/* 0; -1: there was nothing to do. */
int edit_do(struct edit *e, enum edit_op op);
/* Replaces all of it, the cursor at its end; undone as one. */
int edit_set(struct edit *e, struct str text);
/* Empties it after sending; the text becomes the newest of history, undo is forgotten. */
void edit_sent(struct edit *e);
/* Lines, at least 1, and the cursor's line and its offset in that line. */
unsigned edit_lines(const struct edit *e);
static inline struct str edit_text(const struct edit *e)
{
	return buf_str(&e->text);
}
#endif
