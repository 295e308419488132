/* What sync.h writes of chats, for sync*.c alone; db.h has what others read. Each verb is within a transaction that its caller begins and ends
 * (cache_begin, cache_end), unless it says that it has its own. 0, or -1 with client_db_why(), where nothing else is said.
 *
 * The stream is the authority for all that comes after its cursor: only its messages are placed at the end of a window. Pages are placed before a window's
 * begin, so a window has no holes. When the stream's place is lost (recovered:false), cache_reset() lets all windows begin anew: `floor` of a chat is the
 * least place that counts, and places of another generation lie 2^32 apart. */
#ifndef CHAT_CLIENT_CACHE_H
#define CHAT_CLIENT_CACHE_H
#include "common/client/db.h"

int cache_begin(struct client_db *d);
int cache_end(struct client_db *d, int rc);

struct cache_message {
	char with[33];
	bool placed; /* it was not in the window */
	bool mine;
	bool first;   /* the window was empty: what the server counts as unread should be asked again */
	bool settled; /* it left the outbox by this */
};
/* The stream brought a message. */
int cache_message(struct client_db *d, const struct client_message *m, struct cache_message *out);
/* The other side has read (or has got) all up to a message, or that one alone. */
int cache_receipt(struct client_db *d, const char *with, bool read, const char *up_to, const char *id, const char *at);
/* I have read, on whatever device. */
int cache_read(struct client_db *d, const char *with, const char *up_to, const char *id, unsigned unread);
int cache_cursor(struct client_db *d, const char *cursor);
int cache_reset(struct client_db *d);
int cache_where(struct client_db *d, char cursor[65]); /* the stream's cursor, or empty; of no transaction */

struct cache_spot {
	char before[65];    /* the oldest message of the window, or empty */
	int64_t generation; /* of windows */
	bool complete;
};
/* Where a page is to begin. Of no transaction. */
int cache_spot(struct client_db *d, const char *with, struct cache_spot *spot);
/* A page of history, the newest first; complete: nothing is older. *added: how many the window did not have. One that windows have outrun is not used. Its own transaction. */
int cache_page(struct client_db *d, const char *with, const struct cache_spot *spot, const struct client_message *list,
	unsigned n, bool complete, unsigned *added);

struct cache_conversation {
	const char *with;
	struct client_message last;
	unsigned unread;
	const char *read_up_to, *peer_read_up_to, *peer_delivered_up_to; /* NULL: none */
};
/* What the server says of a conversation. To be called from the least recent to the latest. 1: stream and answer are not at the same message, ask again later. */
int cache_conversation(struct client_db *d, const struct cache_conversation *c);

enum cache_list { CACHE_CONTACTS, CACHE_BLOCKS };
/* Nobody is on that list, but those who are added then. */
int cache_list_clear(struct client_db *d, enum cache_list list);
int cache_list_add(struct client_db *d, enum cache_list list, const char *user, const char *alias);
int cache_list_remove(struct client_db *d, enum cache_list list, const char *user);

/* Marks that the server is still to be told, on disk. *up_to: what is asked for; empty: the newest known one. 1: there is nothing to mark. */
int cache_mark_want(struct client_db *d, const char *with, const char *up_to);
int cache_mark_next(
	struct client_db *d, char with[33], char up_to[65]); /* one of them: 0; 1: there is none. Of no transaction */
int cache_mark_done(struct client_db *d, const char *with, const char *up_to);
int cache_draft(struct client_db *d, const char *with, const char *text);
int cache_mute(struct client_db *d, const char *with, bool on);
/* A number that changes when another connection or process has written. -1. Of no transaction. */
int64_t cache_version(struct client_db *d);
#endif
