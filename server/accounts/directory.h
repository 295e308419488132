/* What accounts keeps in memory: names by number and by text, sessions by token and by device. Thread-safe; accounts_name() takes no lock. */
#ifndef CHAT_ACCOUNTS_DIRECTORY_H
#define CHAT_ACCOUNTS_DIRECTORY_H
#include "server/accounts/accounts.h"

enum { TOKEN_HASH = 32 };
struct session_row {
	struct session_row *next_token, *next_device; /* hash chains */
	uint8_t token_hash[TOKEN_HASH];
	struct session session;
	uint64_t created_ms;
	_Atomic uint64_t seen_ms; /* last use; written to disk once a day at most */
	uint64_t stored_seen_ms;
};

/* What is known of a user at a glance. */
enum user_flag {
	USER_REMOVED = 1, /* the name stays taken; found by directory_find_any() alone */
	USER_LOCKED = 2,
	USER_BENCH = 4,   /* made in bulk for a load test: has no password */
	USER_LIMITED = 8, /* has limits of her own */
};

struct directory;
struct directory *directory_new(void);
void directory_free(struct directory *d);
/* A name that another number had is this one's from now on. */
int directory_add_user(struct directory *d, uint32_t number, struct str name);
uint32_t directory_find(struct directory *d, struct str name);
uint32_t directory_find_any(struct directory *d, struct str name); /* a removed one, too */
unsigned directory_flags(struct directory *d, uint32_t number);    /* takes no lock */
void directory_flag(struct directory *d, uint32_t number, enum user_flag flag, bool on);
uint32_t directory_users(struct directory *d); /* with the removed ones */
uint32_t directory_sessions(struct directory *d);
struct str directory_name(struct directory *d, uint32_t number);
int directory_add_session(struct directory *d, const struct session_row *row); /* copies */
void directory_remove_session(struct directory *d, const char *device);
/* Calls fn for every session, under the read lock: of a row it may change stored_seen_ms alone. One caller at a time. */
void directory_each_session(struct directory *d, void (*fn)(void *ctx, struct session_row *row), void *ctx);
/* The session with that token hash that is alive: 0 and *out; marks it as seen now. */
int directory_session(struct directory *d, const uint8_t token_hash[TOKEN_HASH], uint64_t now_ms, uint64_t sliding_ms,
	uint64_t absolute_ms, struct session *out);
bool directory_alive(
	struct directory *d, const struct session *s, uint64_t now_ms, uint64_t sliding_ms, uint64_t absolute_ms);
uint64_t session_expires(uint64_t created_ms, uint64_t seen_ms, uint64_t sliding_ms, uint64_t absolute_ms);
#endif
