/* Users, their sessions, contacts, blocks: SQLite (WAL, synchronous=FULL) on disk, all names and sessions in memory for look-ups that a network thread may make.
 * Changes are made by pool threads only: they hash (Argon2id, RFC 9106) and write, and neither may happen on a loop thread. */
#ifndef CHAT_ACCOUNTS_H
#define CHAT_ACCOUNTS_H
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/msg.h"
#include <stdint.h>

enum { DEVICE_TEXT = 16, TOKEN_SECRET_TEXT = 43, INVITE_TEXT = 22, DISPLAY_BYTES_MAX = 4 * NAME_CHARS_MAX };

struct accounts;
struct accounts_config {
	const char *path;   /* database file, made with mode 0600 */
	unsigned argon_kib; /* memory of one hash */
	unsigned argon_passes;
	unsigned login_per_minute; /* registrations and logins of one address, counted before anything is hashed */
	uint64_t sliding_ms, absolute_ms;  /* life of a session: since its last use, since it began */
	unsigned sends_per_s, sends_burst; /* of a user; 0: no limit */
};
int accounts_open(struct accounts **out, const struct accounts_config *c, char why[256]);
void accounts_close(struct accounts *a);
uint32_t accounts_highest(struct accounts *a); /* the highest user number ever given out */

/* ---- memory only: any thread ---- */
struct session {
	uint32_t user; /* user number, never reused */
	char device[DEVICE_TEXT + 1];
};
uint32_t accounts_find(struct accounts *a, struct str name);     /* user number; 0: none */
uint32_t accounts_find_any(struct accounts *a, struct str name); /* one whose account was removed, too */
bool accounts_locked(struct accounts *a, uint32_t user);
/* Counts n sends of the user. 0: they may go on; else after how many milliseconds, and none is counted. */
unsigned accounts_sends_wait(struct accounts *a, uint32_t user, unsigned n, uint64_t mono_us);
void accounts_sends_default(
	struct accounts *a, unsigned per_s, unsigned burst); /* for those without limits of their own */
struct str accounts_name(struct accounts *a, uint32_t user); /* valid for the life of a; empty: none */
int accounts_session(
	struct accounts *a, struct str token, uint64_t now_ms, struct session *out); /* 0; -1: none, expired, revoked */
/* Counts up when a session ends, so that its sockets can be looked for. */
uint64_t accounts_revision(struct accounts *a);
bool accounts_alive(struct accounts *a, const struct session *s, uint64_t now_ms);
/* Takes one of the address's logins of this minute; false: none left. */
bool accounts_admit(struct accounts *a, const char *address, uint64_t mono_us);

/* Does user block other? *since_ms: wall clock; may be NULL. */
bool accounts_blocks(struct accounts *a, uint32_t user, uint32_t other, uint64_t *since_ms);
/* Counts a fetch of a user's keys. 0: it may go on; else after how many milliseconds. */
unsigned accounts_keys_wait(struct accounts *a, uint32_t requester, uint32_t user, uint64_t mono_us);
bool accounts_has_contact(struct accounts *a, uint32_t user, uint32_t other);

/* ---- may block and hash: pool threads only. Each answers OK or the contract's error ---- */
struct login {
	char token[TOKEN_SECRET_TEXT + 1]; /* wiped by the caller after use */
	char device[DEVICE_TEXT + 1];
	uint64_t expires_ms;
};
struct registration {
	struct str user, password, display_name;
	struct str invite; /* empty: none was given */
	bool need_invite;
};
enum err accounts_register(struct accounts *a, const struct registration *r, uint64_t now_ms);
/* address: after ten failures for a name within 15 minutes, only addresses that logged in to it before may go on at once. */
enum err accounts_login(struct accounts *a, struct str user, struct str password, struct str device_name,
	const char *address, uint64_t now_ms, struct login *out);
enum err accounts_password(
	struct accounts *a, const struct session *s, struct str old_password, struct str new_password);
enum err accounts_revoke(struct accounts *a, uint32_t user, struct str device);
enum err accounts_display_name(struct accounts *a, uint32_t user, char out[DISPLAY_BYTES_MAX + 1]);
enum { INVITE_ID_TEXT = 16 };
struct invite {
	char id[INVITE_ID_TEXT + 1]; /* names it without giving it away */
	unsigned uses_left;
	uint64_t created_ms, expires_ms;
};
enum err accounts_invite(struct accounts *a, uint64_t now_ms, unsigned uses, uint64_t life_ms, struct invite *info,
	char out[INVITE_TEXT + 1]);
enum { DEVICES_MAX = 100 }; /* of one account: one more login ends the session that was used least lately */
struct device {
	char device[DEVICE_TEXT + 1];
	char name[DISPLAY_BYTES_MAX + 1];
	uint64_t created_ms, seen_ms, expires_ms;
};
enum err accounts_devices(struct accounts *a, uint32_t user, struct device **out, size_t *n); /* caller frees *out */
enum { RELATIONS_MAX = 5000 }; /* contacts of a user, and users blocked by one; one more is ERR_FORBIDDEN */
enum err accounts_contact_put(
	struct accounts *a, uint32_t user, uint32_t other, struct str alias); /* alias.p NULL: none */
enum err accounts_contact_drop(struct accounts *a, uint32_t user, uint32_t other);
enum err accounts_block(struct accounts *a, uint32_t user, uint32_t other, uint64_t now_ms);
enum err accounts_unblock(struct accounts *a, uint32_t user, uint32_t other);
/* By name; each() must not call back into accounts. */
enum err accounts_contacts(
	struct accounts *a, uint32_t user, void (*each)(void *ctx, struct str name, struct str alias), void *ctx);
enum err accounts_blocked(
	struct accounts *a, uint32_t user, void (*each)(void *ctx, struct str name, struct str alias), void *ctx);
/* Keys are public and opaque. One-time keys belong to the device that put the bundle: a bundle from another device drops them all. */
enum {
	BUNDLE_MAX = 1024,       /* bytes */
	ONE_TIME_MAX = 200,      /* keys of a user that are there at once */
	ONE_TIME_IDS_MAX = 50000 /* ids that one device may use */
};
struct one_time_key {
	uint32_t id;
	uint8_t key[32];
};
struct key_bundle {
	uint8_t bytes[BUNDLE_MAX];
	size_t n;
	unsigned one_time_left; /* accounts_keys_own() */
	bool has_one_time;      /* accounts_keys_take() */
	struct one_time_key one_time;
};
/* All or nothing. An id that the device used before for the same key is passed over. ERR_KEY_ID_REUSED: for another one. ERR_BAD_FIELD: more than ONE_TIME_MAX
 * would be there. ERR_FORBIDDEN: more than ONE_TIME_IDS_MAX. */
enum err accounts_keys_put(struct accounts *a, const struct session *s, struct str bundle, const struct one_time_key *k,
	size_t n, unsigned *left);
enum err accounts_keys_own(struct accounts *a, uint32_t user, struct key_bundle *out);
/* With one_time: takes one out, if there is one, and is durable before it answers. */
enum err accounts_keys_take(struct accounts *a, uint32_t user, bool one_time, struct key_bundle *out);
/* Copies the database, as it is when the copy ends, to a new file with mode 0600, durably. 0, or -1 with a sentence in why. */
int accounts_backup(struct accounts *a, const char *path, char why[256]);
/* Writes what look-ups noted of last use. Once a minute or so. */
void accounts_housekeep(struct accounts *a);
#endif
