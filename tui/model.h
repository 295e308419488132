/* What chatui shows: chats, the messages of the chosen one, what is being written, what is open. It knows no curses, no network, no disk and no clock: who
 * has those (app.h) puts in what has changed, with the time, and draw.h makes a picture of it. Texts are kept as they came; drawing makes them safe.
 * Pure; one owner. */
#ifndef CHAT_TUI_MODEL_H
#define CHAT_TUI_MODEL_H
#include "common/client/db.h"
#include "tui/edit.h"
#include "tui/keys.h"
#include "tui/theme.h"

enum {
	MODEL_CHATS_MAX = 20000,
	MODEL_WINDOW_MAX = 5000, /* messages of the chosen chat in memory */
	MODEL_PANEL_MAX = 2000,  /* rows of what is open over the chat */
	MODEL_TYPING_MS = 6000,
};

/* ---- states of a message ---- */

enum state { STATE_RECEIVED, STATE_QUEUED, STATE_SENDING, STATE_SENT, STATE_DELIVERED, STATE_READ, STATE_FAILED };
const char *state_word(enum state s); /* "queued"; empty for received */
int state_glyph(enum state s);        /* an enum glyph; -1 for received */

struct message {
	char id[65], client_id[65];
	int64_t place;
	bool mine;
	enum state state;
	uint64_t at_ms, delivered_ms, read_ms; /* wall; 0: not known */
	char *body, *why;                      /* heap; why: it failed, or waits; may be NULL */
};

struct chat {
	char user[33], alias[260];
	unsigned unread, queued, failed;
	uint64_t last_ms; /* of the newest message; 0: none */
	bool contact, blocked, muted, complete;
	bool presence; /* known: */
	bool online;
	uint64_t seen_ms, typing_ms; /* wall: last seen; the last sign of typing; 0: never */
	struct edit *edit;           /* heap; made when the chat is first opened */
	bool draft;                  /* there is one, on disk */
	bool listed;                 /* found again in this round of model_chats_* */
};

/* A piece of the chosen chat, oldest first, what waits to be sent last. */
struct window {
	struct message *list;
	unsigned n, cap;
	unsigned want;          /* how many are wanted */
	int64_t before;         /* the piece ends before that place; 0: it reaches the newest */
	int64_t divider;        /* place of the first message that was unread when the chat was opened; 0: none */
	bool full;              /* it reaches back to the first message that this machine has in order */
	bool loading;           /* older ones are being fetched */
	bool follow;            /* the newest is at the bottom, and stays there */
	unsigned bottom, below; /* else: the message at the bottom, and how many of its lines are hidden below */
	int chosen;             /* the chosen message; -1: none */
};

enum link {
	LINK_CONNECTING,
	LINK_CATCHING_UP,
	LINK_ONLINE,
	LINK_OFFLINE,
	LINK_DRAINING,
	LINK_LOGIN,
	LINK_REFUSED,
	LINK_BROKEN
};

enum panel_kind { PANEL_NONE, PANEL_HELP, PANEL_SWITCHER, PANEL_SEARCH, PANEL_MESSAGE, PANEL_LIST };
struct panel_row {
	char *left, *right; /* heap; right may be NULL */
	char with[33], id[65];
	enum style style;
	int score;
};
struct panel {
	enum panel_kind kind;
	char title[96], hint[128]; /* hint: what to do when there are no rows */
	bool query;                /* it has a line to write in */
	struct edit edit;
	struct panel_row *rows;
	unsigned n, chosen, top;
};

struct model {
	char user[33], host[256], context[65];
	enum link link;
	char link_why[256];
	uint64_t retry_ms;  /* wall: the next try; 0: none */
	unsigned rtt_ms;    /* 0: not known */
	unsigned caught_up; /* events so far */
	uint64_t now_ms;    /* wall, set before drawing */

	struct chat **chats; /* as listed */
	unsigned n_chats, cap_chats;
	struct chat *chat;   /* the chosen one; NULL: none */
	struct edit scratch; /* what is written while none is chosen */
	struct window window;
	struct panel panel;

	char notice[256];
	enum style notice_style;
	uint64_t notice_until_ms; /* wall */

	unsigned limit; /* bytes that a message may have */
	bool selecting; /* keys go to the chosen message */
	bool vim_normal;
	const struct theme *theme;
	const struct glyphs *glyphs;
	struct keymap keys;
};

void model_init(struct model *m);
void model_release(struct model *m);
const struct edit *model_composer(const struct model *m);
const char *chat_name(const struct chat *c); /* alias, or user */

/* ---- the list ---- */
/* A round: begin, put all of them in order, end. Those that were not put go, but for the chosen one and those with something written. */
void model_chats_begin(struct model *m);
int model_chats_put(struct model *m, const struct client_chat *c); /* 0, -1: too many, no memory */
void model_chats_end(struct model *m);
struct chat *model_find(const struct model *m, const char *user); /* or NULL */
struct chat *model_add(struct model *m, const char *user); /* finds or adds it on top; NULL: too many, no memory */
/* The chosen one from now on, with an empty window that follows the newest. 0, -1 no memory. */
int model_choose(struct model *m, struct chat *c);
int model_index(const struct model *m, const struct chat *c); /* -1 */
/* The next one with unread messages behind the chosen one, around the end; NULL. Muted ones last. */
struct chat *model_next_unread(const struct model *m);
unsigned model_unread(const struct model *m, unsigned *chats);
struct edit *model_edit(struct model *m); /* what keys go to: the panel's line or the composer; NULL: none */

/* ---- the window ---- */
/* Anew: begin, lines as client_db_lines() gives them (newest first), end of lines, entries of the outbox in order, end. What is at the bottom stays there. */
struct window_place {
	char id[65], client_id[65], chosen_id[65], chosen_client_id[65];
	bool chosen;
};
void model_window_begin(struct model *m, struct window_place *at);
int model_window_line(struct model *m, const struct chat_line *l);
void model_window_turn(struct model *m);
int model_window_entry(struct model *m, const struct outbox_entry *e, bool sending);
void model_window_end(struct model *m, const struct window_place *at);
/* The message with that id or client_id; -1. */
int model_message(const struct model *m, const char *id, const char *client_id);
/* How many of the other side's messages stand behind the divider. */
unsigned model_new(const struct model *m);

/* ---- what is open ---- */
void panel_open(struct panel *p, enum panel_kind kind, const char *title, bool query);
void panel_close(struct panel *p);
void panel_clear(struct panel *p);                                                                   /* its rows */
struct panel_row *panel_add(struct panel *p, enum style style, const char *left, const char *right); /* NULL: full */
void panel_move(struct panel *p, int by);
/* Rows for every chat that fits what is written, the best first; the last one offers to begin a chat with that name. */
void panel_switcher(struct panel *p, const struct model *m);
/* Keys and commands, from their tables. */
void panel_help(struct panel *p, const struct model *m);

void model_notice(struct model *m, enum style style, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
#endif
