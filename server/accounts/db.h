/* The accounts database: one SQLite connection, its schema and its prepared statements, under one lock. Only accounts/ knows SQLite.
 *
 * To change the schema: raise DB_VERSION, add the statements that lead from the version before to db.c's list `steps`, never alter an old one.
 * A file of a newer version is refused. */
#ifndef CHAT_ACCOUNTS_DB_H
#define CHAT_ACCOUNTS_DB_H
#include "common/base/err.h"
#include "common/base/str.h"
#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>

#define DB_STATEMENTS(X)                                                                                               \
	X(BEGIN, "BEGIN IMMEDIATE")                                                                                    \
	X(COMMIT, "COMMIT")                                                                                            \
	X(ROLLBACK, "ROLLBACK")                                                                                        \
	X(USERS, "SELECT number, name, removed_ms IS NOT NULL, locked, bench IS NOT NULL, sends_per_s, burst FROM "    \
		 "users")                                                                                              \
	X(HIGHEST, "SELECT seq FROM sqlite_sequence WHERE name = 'users'")                                             \
	X(USER_ADD, "INSERT INTO users (name, password, display_name, created_ms) VALUES (?, ?, ?, ?)")                \
	X(PASSWORD, "SELECT password FROM users WHERE number = ?")                                                     \
	X(PASSWORD_SET, "UPDATE users SET password = ? WHERE number = ?")                                              \
	X(DISPLAY_NAME, "SELECT display_name FROM users WHERE number = ?")                                             \
	X(SESSIONS, "SELECT hash, user, device, created_ms, seen_ms FROM sessions")                                    \
	X(SESSION_ADD,                                                                                                 \
		"INSERT INTO sessions (hash, user, device, name, created_ms, seen_ms) VALUES (?, ?, ?, ?, ?, ?)")      \
	X(SESSION_SEEN, "UPDATE sessions SET seen_ms = ? WHERE device = ?")                                            \
	X(DEVICES,                                                                                                     \
		"SELECT device, name, created_ms, seen_ms FROM sessions WHERE user = ? ORDER BY created_ms, device")   \
	X(DEVICE_FIND, "SELECT device FROM sessions WHERE user = ? AND device = ?")                                    \
	X(OTHERS_FIND, "SELECT device FROM sessions WHERE user = ? AND device <> ?")                                   \
	X(EXCESS_FIND, "SELECT device FROM sessions WHERE user = ? ORDER BY seen_ms DESC, created_ms DESC "            \
		       "LIMIT -1 OFFSET ?")                                                                            \
	X(SESSION_DELETE, "DELETE FROM sessions WHERE device = ?")                                                     \
	X(INVITE_ADD, "INSERT INTO invites (hash, created_ms, expires_ms, uses_left) VALUES (?, ?, ?, ?)")             \
	X(INVITE_VALID, "SELECT 1 FROM invites WHERE hash = ? AND uses_left > 0 AND expires_ms > ?")                   \
	X(CONTACT_PAIRS, "SELECT user, contact, 0 FROM contacts")                                                      \
	X(CONTACTS, "SELECT u.name, c.alias FROM contacts c JOIN users u ON u.number = c.contact WHERE c.user = ? "    \
		    "ORDER BY u.name")                                                                                 \
	X(CONTACTS_COUNT, "SELECT count(*) FROM contacts WHERE user = ?")                                              \
	X(CONTACT_PUT, "INSERT INTO contacts (user, contact, alias) VALUES (?, ?, ?) "                                 \
		       "ON CONFLICT DO UPDATE SET alias = excluded.alias")                                             \
	X(CONTACT_DROP, "DELETE FROM contacts WHERE user = ? AND contact = ?")                                         \
	X(BLOCK_PAIRS, "SELECT user, blocked, since_ms FROM blocks")                                                   \
	X(BLOCKED, "SELECT u.name, NULL FROM blocks b JOIN users u ON u.number = b.blocked WHERE b.user = ? ORDER BY " \
		   "u.name")                                                                                           \
	X(BLOCKS_COUNT, "SELECT count(*) FROM blocks WHERE user = ?")                                                  \
	X(BLOCK_PUT, "INSERT INTO blocks (user, blocked, since_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")           \
	X(BLOCK_DROP, "DELETE FROM blocks WHERE user = ? AND blocked = ?")                                             \
	X(BUNDLE, "SELECT bundle, device FROM bundles WHERE user = ?")                                                 \
	X(BUNDLE_PUT, "INSERT INTO bundles (user, device, bundle) VALUES (?, ?, ?) "                                   \
		      "ON CONFLICT DO UPDATE SET device = excluded.device, bundle = excluded.bundle")                  \
	X(KEY_ADD, "INSERT INTO one_time_keys (user, device, id, hash, key) VALUES (?, ?, ?, ?, ?)")                   \
	X(KEY_HASH, "SELECT hash FROM one_time_keys WHERE user = ? AND device = ? AND id = ?")                         \
	X(KEY_IDS, "SELECT count(*) FROM one_time_keys WHERE user = ? AND device = ?")                                 \
	X(KEYS_LEFT, "SELECT count(*) FROM one_time_keys WHERE user = ? AND key IS NOT NULL")                          \
	X(KEY_NEXT, "SELECT id, key FROM one_time_keys WHERE user = ? AND key IS NOT NULL ORDER BY id LIMIT 1")        \
	X(KEY_SPEND, "UPDATE one_time_keys SET key = NULL WHERE user = ? AND id = ? AND key IS NOT NULL")              \
	X(KEYS_DROP, "UPDATE one_time_keys SET key = NULL WHERE user = ? AND key IS NOT NULL")                         \
	X(KEYS_FORGET, "DELETE FROM one_time_keys WHERE user = ?1 AND device NOT IN (SELECT device FROM sessions "     \
		       "WHERE user = ?1)")                                                                             \
	X(INVITE_USE, "UPDATE invites SET used_by = ?, uses_left = uses_left - 1 WHERE hash = ? AND uses_left > 0 "    \
		      "AND expires_ms > ?")                                                                            \
	X(INVITES, "SELECT lower(hex(substr(hash, 1, 8))), uses_left, created_ms, expires_ms FROM invites ORDER BY "   \
		   "created_ms, hash")                                                                                 \
	X(INVITE_DROP, "DELETE FROM invites WHERE lower(hex(substr(hash, 1, 8))) = ?")                                 \
	X(USERS_PAGE, "SELECT name, display_name, created_ms, locked, bench IS NOT NULL, "                             \
		      "(SELECT count(*) FROM sessions s WHERE s.user = u.number), number FROM users u WHERE "          \
		      "removed_ms IS NULL AND name > ? AND "                                                           \
		      "name >= ?2 AND substr(name, 1, length(?2)) = ?2 ORDER BY name LIMIT ?")                         \
	X(SESSIONS_OF, "SELECT device FROM sessions WHERE user = ?")                                                   \
	X(LOCK_SET, "UPDATE users SET locked = ? WHERE number = ?")                                                    \
	X(LIMITS_SET, "UPDATE users SET sends_per_s = ?, burst = ? WHERE number = ?")                                  \
	X(USER_REMOVE, "UPDATE users SET removed_ms = ?, password = '', display_name = '', sends_per_s = NULL, burst " \
		       "= NULL WHERE number = ?")                                                                      \
	X(PAIRS_OF, "SELECT user, contact, 0 FROM contacts WHERE user = ?1 OR contact = ?1 UNION ALL SELECT user, "    \
		    "blocked, 1 FROM blocks WHERE user = ?1 OR blocked = ?1")                                          \
	X(CONTACTS_FORGET, "DELETE FROM contacts WHERE user = ?1 OR contact = ?1")                                     \
	X(BLOCKS_FORGET, "DELETE FROM blocks WHERE user = ?1 OR blocked = ?1")                                         \
	X(BUNDLE_FORGET, "DELETE FROM bundles WHERE user = ?")                                                         \
	X(ONE_TIME_FORGET, "DELETE FROM one_time_keys WHERE user = ?")                                                 \
	X(USER_BY_NAME, "SELECT number, bench IS NOT NULL, removed_ms IS NOT NULL FROM users WHERE name = ?")          \
	X(NAME_FREE, "UPDATE users SET name = '#' || number WHERE number = ?")                                         \
	X(BENCH_SET, "UPDATE users SET bench = ? WHERE number = ?")                                                    \
	X(BENCH_USERS, "SELECT number FROM users WHERE bench = ? AND removed_ms IS NULL")

enum db_statement {
#define DB_ENUM(name, sql) DB_##name,
	DB_STATEMENTS(DB_ENUM)
#undef DB_ENUM
		DB_COUNT
};

enum { DB_VERSION = 3 };

struct db {
	sqlite3 *h;
	pthread_mutex_t lock;
	sqlite3_stmt *statement[DB_COUNT];
};

/* Makes the file with mode 0600 when it is missing. 0, or -1 with a sentence in why. */
int db_open(struct db *d, const char *path, char why[256]);
void db_release(struct db *d);
void db_lock(struct db *d);
void db_unlock(struct db *d);

/* Copies the whole to a new file; takes the lock for a few pages at a time. 0, or -1 with a sentence in why. */
int db_backup(struct db *d, const char *path, char why[256]);

/* The rest needs the lock. db_use() gives the statement with nothing bound; db_done() ends its use and hands rc on. */
sqlite3_stmt *db_use(struct db *d, enum db_statement s);
int db_done(sqlite3_stmt *st, int rc);
int db_run(struct db *d, enum db_statement s); /* a statement without parameters: its sqlite result */
void db_bind_str(sqlite3_stmt *st, int at, struct str text);
struct str db_column(sqlite3_stmt *st, int at);          /* text or blob, valid until the next step */
enum err db_err(struct db *d, int rc, const char *what); /* logs what went wrong: the contract's error for it */
#endif
