/* Inside accounts/ only: what an open accounts has. */
#ifndef CHAT_ACCOUNTS_STATE_H
#define CHAT_ACCOUNTS_STATE_H
#include "server/accounts/accounts.h"
#include "server/accounts/db.h"
#include "server/accounts/directory.h"
#include "server/accounts/limits.h"
#include "server/accounts/password.h"
#include "server/accounts/relations.h"
#include <stdatomic.h>

/* Disk before memory: what network threads see is durable. Lock order: db, then what directory and relations have inside. */
struct accounts {
	struct db db;
	struct directory *directory;
	struct relations *contacts, *blocks;
	struct relations *send_limits; /* (user, 0): sends a second << 32 | burst, of those with USER_LIMITED */
	struct limits *limits;
	struct password_cost cost;
	uint64_t sliding_ms, absolute_ms;
	char dummy[PASSWORD_TEXT];      /* what an unknown user's password is checked against */
	_Atomic uint64_t sends_default; /* likewise, for all others; 0: no limit */
	atomic_bool sends_limited;      /* anybody is */
	_Atomic uint32_t highest, removed;
	_Atomic uint64_t revision;
};

enum { SECRET_BYTES = 32, INVITE_BYTES = 16 };
struct hash {
	uint8_t h[TOKEN_HASH]; /* BLAKE2b of a token's or an invite's bytes */
};

/* accounts.c. The db's lock is held where the database is touched. */
void accounts_draw(size_t n, char *text, size_t room, struct hash *h);
void accounts_copy_text(char *to, size_t room, struct str from);
/* Draws a token and a device and stores the session; it is not in memory yet. */
enum err accounts_new_session(struct accounts *a, uint32_t user, struct str device_name, uint64_t now_ms,
	struct session_row *row, char token[TOKEN_SECRET_TEXT + 1]);
/* Deletes the sessions that the bound statement finds, some at a time, on disk first. *ended: how many. */
enum err accounts_end_sessions(struct accounts *a, sqlite3_stmt *find, unsigned *ended);
enum err accounts_store_hash(struct accounts *a, uint32_t user, const char *hash);

/* admin.c. erase: on disk, inside a transaction; gone: in memory, once that is durable. transaction: commits, or rolls back when e is an error. */
int accounts_limits_note(struct accounts *a, uint32_t user, uint32_t per_s, uint32_t burst); /* 0 or -1 */
enum err accounts_erase(struct accounts *a, uint32_t user, uint64_t now_ms);
void accounts_gone(struct accounts *a, uint32_t user);
enum err accounts_transaction(struct accounts *a, enum err e);

int accounts_load_relations(struct accounts *a); /* contacts.c: into memory, at start. 0 or -1 */
#endif
