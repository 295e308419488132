/* What a profile keeps on this machine: one SQLite database, $XDG_STATE_HOME/chat/NAME.db (~/.local/state/chat/NAME.db; under $CHAT_CONFIG_DIR/state when
 * that is set), mode 0600. In it: the outbox, the places of durable watches, and messages with a full-text index. Only its files know SQLite (sql.h).
 *
 * Rows belong to a user at a server: a profile that changes its user or server finds nothing of the one before, and never sends it. Each verb is one
 * transaction, durable when it answers. Several processes may have it open. 0 is success and -1 an error, with client_db_why(), where nothing else is said.
 *
 * To change the schema: append to `steps` in db.c the statements that lead on from the last version, never alter an old one. A newer file is refused. */
#ifndef CHAT_CLIENT_DB_H
#define CHAT_CLIENT_DB_H
#include <stdbool.h>
#include <stdint.h>

struct client_db;
/* Where the database of a profile is. make: makes the folders too, private. 0 or -1 (errno). */
int client_db_path(const char *profile, bool make, char out[700]);
/* Makes the file when it is missing. NULL, with why. */
struct client_db *client_db_open(const char *path, const char *url, const char *user, char why[256]);
void client_db_close(struct client_db *d); /* NULL is fine */
int client_db_check(struct client_db *d);  /* is the file whole? 0; -1 with client_db_why() */
const char *client_db_why(const struct client_db *d);
const char *client_db_file(const struct client_db *d);
/* fn is called before, in and after each transaction: where a test may end the process. */
void client_db_on_step(struct client_db *d, void (*fn)(void *ctx), void *ctx);

/* ---- messages ---- */

/* As the contract has it; what is not known is NULL. All borrowed. */
struct client_message {
	const char *id, *client_id, *from, *to, *kind, *body, *sent_at, *delivered_at, *read_at;
};
/* Adds them, or the times that were not known yet. */
int client_db_keep(struct client_db *d, const struct client_message *list, unsigned n);
/* The newest first. words: all of them must occur, in any order; "two words" together; a last * means any ending. with: one conversation, or NULL.
 * fn answers 0 to go on. */
int client_db_search(struct client_db *d, const char *words, const char *with, unsigned limit,
	int (*fn)(void *ctx, const struct client_message *m), void *ctx);
/* Ids with that part in them; with: of one conversation, or NULL. fn answers 0 to go on. */
int client_db_ids(
	struct client_db *d, const char *part, const char *with, int (*fn)(void *ctx, const char *id), void *ctx);
/* For completion, what begins with prefix, the latest first: with whom messages were exchanged, unread messages to me, durable watches. Looks at the last
 * few thousand messages only: it is quick whatever there is. fn answers 0 to go on. */
enum client_words { WORDS_PEOPLE, WORDS_UNREAD, WORDS_WATCHES };
int client_db_words(struct client_db *d, enum client_words kind, const char *prefix,
	int (*fn)(void *ctx, const char *word), void *ctx);
/* What the server answered to a message that I sent. 0; 1: not known. */
int client_db_sent(struct client_db *d, const char *client_id, char id[65], char sent_at[65]);

/* ---- chats: what sync.h keeps, for those who show it ---- */

/* A message's `place` is its order within its chat: the server's order, whatever the clocks say. Those with a place of a chat are its window: from some
 * message on everything, up to the newest one that has come. What is older is only searchable here, until SYNC_OLDER brings it into the window. */

enum line_state { LINE_RECEIVED, LINE_SENT, LINE_DELIVERED, LINE_READ };
struct client_chat {
	char with[33], alias[260];
	char last_id[65], last_from[33], last_kind[17], last_at[32];
	const char *last_body; /* borrowed; NULL: no message is known */
	enum line_state last_state;
	const char *draft; /* borrowed; NULL: none */
	unsigned unread;
	unsigned queued, failed; /* of the outbox */
	bool contact, blocked, muted;
	bool complete;       /* the window reaches back to the first message */
	char read_up_to[65]; /* ids, or empty: the newest such that it and all older ones */
	char peer_read_up_to[65], peer_delivered_up_to[65];
};
struct chat_line {
	struct client_message m;
	int64_t place; /* for client_db_lines(); 0: sent, but not placed yet: behind all the others */
	enum line_state state;
};
/* Chats with a message, a draft or an outbox entry, the latest first; with contacts: those without anything too, behind them. fn answers 0 to go on. */
int client_db_chats(struct client_db *d, bool contacts, int (*fn)(void *ctx, const struct client_chat *c), void *ctx);
/* That chat. 0; 1: nothing is known of that user. last_body and draft are on the heap, for the caller to free. */
int client_db_chat(struct client_db *d, const char *with, struct client_chat *c);
/* The newest `limit` lines of a chat's window before that place (0: the newest of all), the newest first. */
int client_db_lines(struct client_db *d, const char *with, int64_t before, unsigned limit,
	int (*fn)(void *ctx, const struct chat_line *l), void *ctx);
/* That message and its line: 0; 1: not known. Texts are borrowed until fn ends. */
int client_db_line(struct client_db *d, const char *id, int (*fn)(void *ctx, const struct chat_line *l), void *ctx);
/* The first line to me that is unread by what is known here, or 0: where a "new" rule belongs. -1. */
int64_t client_db_first_unread(struct client_db *d, const char *with);
/* Removes the database of a profile, with all that lies beside it. 0; 1: there was none; -1 with why: entries wait in the outbox (*waiting says how many;
 * force removes it all the same), or it is in use. */
int client_db_remove(const char *profile, bool force, unsigned *waiting, char why[256]);

/* ---- the outbox: verbs of outbox.c ---- */

enum entry_state { ENTRY_WAITING, ENTRY_FAILED };
struct outbox_entry {
	int64_t number; /* the order in which they came */
	char client_id[65], to[33], kind[17];
	const char *body; /* borrowed; from client_db_entry() on the heap, for the caller to free */
	uint64_t created_ms;
	enum entry_state state;
	unsigned attempts;
	char error[256]; /* of the last attempt, or empty */
};
enum entry_added {
	ENTRY_ADDED,
	ENTRY_KNOWN /* the same, waiting or again */,
	ENTRY_DIFFERS /* that client_id has other content */
};
/* number, created_ms, state, attempts and error are not looked at. An enum entry_added, or -1. One that had failed waits again. */
int client_db_entry_add(struct client_db *d, const struct outbox_entry *e);
/* 0; 1: there is none. */
int client_db_entry(struct client_db *d, const char *client_id, struct outbox_entry *e);
/* In order; fn answers 0 to go on. heads: only the first that waits of each recipient. */
int client_db_entries(struct client_db *d, bool heads, int (*fn)(void *ctx, const struct outbox_entry *e), void *ctx);
/* How many wait, for that recipient or all (NULL); -1. *newest: the greatest number among them, or 0. */
int client_db_waiting(struct client_db *d, const char *to, int64_t *newest);
/* How many wait in this file for another user or server; -1. */
int client_db_strangers(struct client_db *d);

enum settled { SETTLED_SENT, SETTLED_REFUSED, SETTLED_LATER };
struct settlement {
	const char *client_id;
	enum settled how;
	const char *id, *sent_at; /* of a sent one: it leaves the outbox and is a message from then on */
	const char *error;        /* of the others */
};
int client_db_settle(struct client_db *d, const struct settlement *list, unsigned n);
/* client_id NULL: all, or all that failed. *n: how many. */
int client_db_entry_drop(struct client_db *d, const char *client_id, bool failed_only, unsigned *n);
int client_db_entry_again(struct client_db *d, const char *client_id, unsigned *n); /* failed ones wait again */

/* ---- durable watches ---- */

/* A watch's number, made when it is new; -1. cursor: where it is, empty at first. */
int64_t client_db_watch(struct client_db *d, const char *name, char cursor[65]);
/* All of them; fn answers 0 to go on. */
int client_db_watches(struct client_db *d, int (*fn)(void *ctx, const char *name, const char *cursor), void *ctx);
int client_db_watch_move(struct client_db *d, int64_t watch, const char *cursor);
/* A message is done with: kept, remembered as handled, the cursor moved (unless NULL); mark: it is still to be marked as read. */
int client_db_watch_done(
	struct client_db *d, int64_t watch, const struct client_message *m, const char *cursor, bool mark);
int client_db_watch_handled(struct client_db *d, int64_t watch, const char *id); /* 1, 0, -1 */
/* One that is still to be marked: 0; 1: there is none. */
int client_db_watch_unmarked(struct client_db *d, int64_t watch, char id[65]);
int client_db_watch_marked(struct client_db *d, int64_t watch, const char *id);
#endif
