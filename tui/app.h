/* chatui without its terminal: keys and the engine's events in, a model (model.h) to draw out. The screen (main.c) and the line mode (plain.c) sit on it.
 * It reads the profile's database, which the engine (sync.h) keeps, and posts jobs; it never waits for network or disk beyond a local query.
 * One owner, one thread. Times are wall milliseconds but where they say otherwise. */
#ifndef CHAT_TUI_APP_H
#define CHAT_TUI_APP_H
#include "common/client/sync.h"
#include "tui/commands.h"
#include "tui/draw.h"
#include "tui/settings.h"

enum app_wish { WISH_NOTHING, WISH_QUIT, WISH_EDITOR, WISH_SUSPEND, WISH_REDRAW, WISH_LOGIN };

/* What only who has a terminal can do; any may be NULL. */
struct app_rim {
	void (*bell)(void *ctx);
	int (*copy)(void *ctx, struct str text); /* to the clipboard; 0 or -1 */
	void (*looks)(void *ctx);                /* theme, glyphs or mouse have changed */
	/* A message has come: for a mode that shows nothing but lines. */
	void (*message)(void *ctx, const struct sync_event *e);
	void (*notice)(void *ctx, const char *text);
	void *ctx;
};

struct app {
	struct model m;
	struct settings settings;
	struct profile profile;
	struct app_rim rim;
	struct sync *sync;
	struct client_db *db;
	enum app_wish wish; /* taken by the loop, which sets it back */
	int rows, cols;

	bool chats_due, window_due, presence_due; /* to be read anew at the end of this turn */
	uint64_t active_ms;                       /* the last key: a sign of life */
	bool away;                                /* the terminal has lost the focus */
	bool after_x;                             /* Ctrl+X was the last key */
	uint64_t interrupt_ms;                    /* the last Ctrl+C on an empty line */
	uint64_t draft_ms;                        /* when to keep the draft; 0: nothing to keep */
	struct chat *draft_of;
	uint64_t read_ms; /* when reading was last said */
	char read_id[65]; /* up to there */
	char jump_id[65]; /* to be shown once it is in the window */
	int64_t search_job, send_job;
	char sending[65]; /* the outbox entry on its way */
	char vim_before;  /* the first of two keys */
};

/* Opens database and engine. 0; -1 with why. */
int app_open(struct app *a, const struct profile *p, char why[256]);
/* Keeps drafts, ends the engine. */
void app_close(struct app *a);

void app_key(struct app *a, struct key k);
void app_paste(struct app *a, struct str text);
enum mouse { MOUSE_PRESS, MOUSE_UP, MOUSE_DOWN };
void app_mouse(struct app *a, enum mouse what, int row, int col);
void app_focus(struct app *a, bool here);
/* What the engine has said. */
void app_events(struct app *a);
/* At the end of each turn of the loop: reads anew what is due, marks what has been seen. */
void app_turn(struct app *a);
/* When something is to be done without an event: ms from now, at most a minute. */
int app_wait_ms(const struct app *a);

/* ---- inside ---- */
void app_open_chat(struct app *a, struct chat *c); /* NULL is ignored */
void app_act(struct app *a, int action);
void app_command(struct app *a, const struct line *l);
void app_submit(struct app *a); /* what is written: sent, or done */
void app_send(struct app *a, const char *with, struct str text);
void app_search(struct app *a);
void app_show_message(struct app *a, const char *with, const char *id);
int64_t app_post(struct app *a, const struct sync_job *job); /* says so when it is refused */
void app_edited(struct app *a);                              /* the composer has changed */
void app_details(struct app *a, const struct message *x);
void app_vim(struct app *a, struct key k);
void app_select_key(struct app *a, struct key k);
void app_panel_key(struct app *a, struct key k, int action);
void app_text(struct app *a, const char *text); /* puts it where keys go */
void app_scroll(struct app *a, int action);     /* one of the actions that scroll */
struct layout app_layout(const struct app *a);
int app_export(struct app *a, const char *path);
/* A message has come that nobody saw. */
void app_notify(struct app *a, const struct sync_event *e);
#endif
