#include "common/base/clock.h"
#include "common/client/sql.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BUSY_MS = 5000, OPEN_AGAIN_MS = 10, LOG_MAX = 512 << 10 };

/* steps[v] leads from version v to v + 1. */
static const char *const steps[] = {
	"CREATE TABLE accounts (number INTEGER PRIMARY KEY, url TEXT NOT NULL, user TEXT NOT NULL, UNIQUE (url, user)) "
	"STRICT;"
	"CREATE TABLE outbox ("
	" number INTEGER PRIMARY KEY AUTOINCREMENT," /* the order of sending: never given out again */
	" account INTEGER NOT NULL REFERENCES accounts (number),"
	" client_id TEXT NOT NULL,"
	" recipient TEXT NOT NULL,"
	" kind TEXT NOT NULL,"
	" body TEXT NOT NULL,"
	" created_ms INTEGER NOT NULL,"
	" state INTEGER NOT NULL DEFAULT 0," /* enum entry_state */
	" attempts INTEGER NOT NULL DEFAULT 0,"
	" error TEXT NOT NULL DEFAULT '',"
	" UNIQUE (account, client_id)) STRICT;"
	"CREATE INDEX outbox_queue ON outbox (account, state, recipient, number);",

	"CREATE TABLE watches ("
	" number INTEGER PRIMARY KEY,"
	" account INTEGER NOT NULL REFERENCES accounts (number),"
	" name TEXT NOT NULL,"
	" cursor TEXT NOT NULL DEFAULT '',"
	" UNIQUE (account, name)) STRICT;"
	"CREATE TABLE handled ("
	" number INTEGER PRIMARY KEY AUTOINCREMENT,"
	" watch INTEGER NOT NULL REFERENCES watches (number),"
	" id TEXT NOT NULL,"
	" unmarked INTEGER NOT NULL," /* 1: it is still to be marked as read */
	" UNIQUE (watch, id)) STRICT;"
	"CREATE INDEX handled_unmarked ON handled (watch, number) WHERE unmarked = 1;",

	"CREATE TABLE messages ("
	" number INTEGER PRIMARY KEY AUTOINCREMENT,"
	" account INTEGER NOT NULL REFERENCES accounts (number),"
	" id TEXT NOT NULL,"
	" client_id TEXT,"
	" sender TEXT NOT NULL,"
	" recipient TEXT NOT NULL,"
	" kind TEXT NOT NULL,"
	" body TEXT NOT NULL,"
	" sent_at TEXT NOT NULL,"
	" delivered_at TEXT,"
	" read_at TEXT,"
	" UNIQUE (account, id)) STRICT;"
	"CREATE INDEX messages_client_id ON messages (account, client_id);"
	"CREATE VIRTUAL TABLE words USING fts5 (body, content = 'messages', content_rowid = 'number',"
	" tokenize = 'unicode61 remove_diacritics 2');"
	/* What is encrypted has no words. */
	"CREATE TRIGGER messages_added AFTER INSERT ON messages WHEN new.kind = 'text' BEGIN"
	" INSERT INTO words (rowid, body) VALUES (new.number, new.body); END;"
	"CREATE TRIGGER messages_gone AFTER DELETE ON messages WHEN old.kind = 'text' BEGIN"
	" INSERT INTO words (words, rowid, body) VALUES ('delete', old.number, old.body); END;",

	/* Chats; see cache.h. A place is a generation of windows, times 2^32, and a number that begins in the middle. */
	"ALTER TABLE accounts ADD COLUMN cursor TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE accounts ADD COLUMN next_place INTEGER NOT NULL DEFAULT 6442450944;"
	"ALTER TABLE messages ADD COLUMN peer TEXT NOT NULL DEFAULT '';" /* the other side */
	"ALTER TABLE messages ADD COLUMN place INTEGER;"
	"ALTER TABLE messages ADD COLUMN fresh INTEGER NOT NULL DEFAULT 0;" /* 1: sent from here, not come by the stream yet */
	"UPDATE messages SET peer = iif(sender = (SELECT user FROM accounts WHERE number = account), recipient, "
	"sender);"
	"CREATE INDEX messages_window ON messages (account, peer, place) WHERE place IS NOT NULL;"
	"CREATE INDEX messages_fresh ON messages (account, peer, number) WHERE fresh = 1;"
	"CREATE TABLE peers ("
	" account INTEGER NOT NULL REFERENCES accounts (number),"
	" user TEXT NOT NULL,"
	" floor INTEGER NOT NULL,"              /* the least place of the window */
	" complete INTEGER NOT NULL DEFAULT 0," /* nothing is older than the window */
	" rank INTEGER NOT NULL DEFAULT 0,"     /* the order of chats */
	" last INTEGER REFERENCES messages (number),"
	" unread INTEGER NOT NULL DEFAULT 0,"
	" read_up_to TEXT NOT NULL DEFAULT '',"
	" peer_read_up_to TEXT NOT NULL DEFAULT '',"
	" peer_delivered_up_to TEXT NOT NULL DEFAULT '',"
	" mark_wanted TEXT NOT NULL DEFAULT ''," /* up to here is read, which the server is still to be told */
	" draft TEXT NOT NULL DEFAULT '',"
	" contact INTEGER NOT NULL DEFAULT 0,"
	" alias TEXT NOT NULL DEFAULT '',"
	" blocked INTEGER NOT NULL DEFAULT 0,"
	" muted INTEGER NOT NULL DEFAULT 0,"
	" PRIMARY KEY (account, user)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX peers_mark ON peers (account) WHERE mark_wanted <> '';"
	"CREATE INDEX peers_last ON peers (last);",
};
enum { VERSION = sizeof steps / sizeof *steps };

/* ---- small tools ---- */

int sql_failed(struct client_db *d)
{
	snprintf(d->why, sizeof d->why, "%.160s: %.90s", d->path, sqlite3_errmsg(d->h));
	return -1;
}

int sql_exec(struct client_db *d, const char *sql)
{
	return sqlite3_exec(d->h, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : sql_failed(d);
}

static void at_step(struct client_db *d)
{
	if (d->step)
		d->step(d->step_ctx);
}

sqlite3_stmt *sql_query(struct client_db *d, const char *sql, const char *types, ...)
{
	sqlite3_stmt *st = NULL;
	va_list args;
	int rc = sqlite3_prepare_v2(d->h, sql, -1, &st, NULL);

	va_start(args, types);
	for (int i = 0; types[i] && rc == SQLITE_OK; i++)
		rc = types[i] == 'i' ? sqlite3_bind_int64(st, i + 1, va_arg(args, int64_t))
				     : sqlite3_bind_text(st, i + 1, va_arg(args, const char *), -1, SQLITE_STATIC);
	va_end(args);
	if (rc == SQLITE_OK)
		return st;
	sql_failed(d);
	sqlite3_finalize(st);
	return NULL;
}

int sql_run(struct client_db *d, sqlite3_stmt *st)
{
	int rc = st ? sqlite3_step(st) : SQLITE_ERROR;

	if (st && rc != SQLITE_DONE && rc != SQLITE_ROW)
		sql_failed(d);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : -1;
}

int sql_number(struct client_db *d, sqlite3_stmt *st, int64_t *out)
{
	int rc = st ? sqlite3_step(st) : SQLITE_ERROR;

	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int64(st, 0);
	else if (st && rc != SQLITE_DONE)
		sql_failed(d);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? 0 : rc == SQLITE_DONE ? 1 : -1;
}

int sql_text(struct client_db *d, sqlite3_stmt *st, char *out, size_t max)
{
	int rc = st ? sqlite3_step(st) : SQLITE_ERROR;

	if (rc == SQLITE_ROW)
		snprintf(out, max, "%s", (const char *)sqlite3_column_text(st, 0));
	else if (st && rc != SQLITE_DONE)
		sql_failed(d);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? 0 : rc == SQLITE_DONE ? 1 : -1;
}

int sql_begin(struct client_db *d)
{
	at_step(d);
	return sql_exec(d, "BEGIN IMMEDIATE");
}

int sql_end(struct client_db *d, int rc)
{
	if (rc == 0) {
		at_step(d);
		rc = sql_exec(d, "COMMIT");
	}
	if (rc)
		(void)sqlite3_exec(d->h, "ROLLBACK", NULL, NULL, NULL);
	else
		at_step(d);
	return rc ? -1 : 0;
}

int sql_run_alone(struct client_db *d, sqlite3_stmt *st, unsigned *n)
{
	at_step(d);
	int rc = sql_run(d, st);
	*n = rc ? 0 : (unsigned)sqlite3_changes(d->h);
	at_step(d);
	return rc;
}

const char *sql_column(sqlite3_stmt *st, int i)
{
	return (const char *)sqlite3_column_text(st, i);
}

int sql_peer(struct client_db *d, const char *user)
{
	return sql_run(
		d, sql_query(d,
			   "INSERT OR IGNORE INTO peers (account, user, floor) SELECT number, ?2, next_place FROM "
			   "accounts WHERE number = ?1",
			   "is", d->account, user));
}

int sql_next_place(struct client_db *d, int64_t *place)
{
	return sql_run(d, sql_query(d, "UPDATE accounts SET next_place = next_place + 1 WHERE number = ?", "i",
				  d->account)) ||
			       sql_number(d,
				       sql_query(d, "SELECT next_place - 1 FROM accounts WHERE number = ?", "i",
					       d->account),
				       place)
		       ? -1
		       : 0;
}

/* ---- opening ---- */

/* The folder of all state, as profile.h has that of the configuration. */
static int state_dir(char out[512])
{
	const char *config = getenv("CHAT_CONFIG_DIR"), *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n;

	if (config && *config)
		n = snprintf(out, 512, "%s/state", config);
	else if (xdg && *xdg == '/')
		n = snprintf(out, 512, "%s/chat", xdg);
	else if (home && *home)
		n = snprintf(out, 512, "%s/.local/state/chat", home);
	else
		return errno = ENOENT, -1;
	return n < 512 ? 0 : (errno = ENAMETOOLONG, -1);
}

int client_db_path(const char *profile, bool make, char out[700])
{
	char dir[512];

	if (state_dir(dir))
		return -1;
	snprintf(out, 700, "%s/%.64s.db", dir, profile);
	for (char *p = dir + 1; make; p++) {
		char was = *p;
		if (was && was != '/')
			continue;
		*p = 0;
		if (mkdir(dir, 0700) && errno != EEXIST)
			return -1;
		*p = was;
		make = was != 0;
	}
	return 0;
}

static int upgrade(struct client_db *d)
{
	int64_t have = 0;
	char set[64];
	int rc = sql_number(d, sql_query(d, "PRAGMA user_version", ""), &have);

	if (rc == 0 && have == VERSION)
		return 0;
	if (rc || sql_exec(d, "BEGIN IMMEDIATE"))
		return -1;
	rc = sql_number(d, sql_query(d, "PRAGMA user_version", ""), &have);
	if (rc == 0 && have > VERSION) {
		snprintf(d->why, sizeof d->why, "%.150s has version %lld and this program knows up to %d", d->path,
			(long long)have, VERSION);
		rc = -1;
	}
	for (; rc == 0 && have < VERSION; have++) {
		snprintf(set, sizeof set, "PRAGMA user_version = %d", (int)have + 1);
		rc = sql_exec(d, steps[have]) || sql_exec(d, set) ? -1 : 0;
	}
	return sql_end(d, rc);
}

static int find_account(struct client_db *d, const char *url, const char *user)
{
	static const char find[] = "SELECT number FROM accounts WHERE url = ? AND user = ?";
	char base[512];

	snprintf(base, sizeof base, "%s", url);
	if (base[0] && base[strlen(base) - 1] == '/')
		base[strlen(base) - 1] = 0;
	snprintf(d->user, sizeof d->user, "%s", user);
	int rc = sql_number(d, sql_query(d, find, "ss", base, user), &d->account);
	if (rc == 1 && sql_run(d, sql_query(d, "INSERT OR IGNORE INTO accounts (url, user) VALUES (?, ?)", "ss", base,
					  user)) == 0)
		rc = sql_number(d, sql_query(d, find, "ss", base, user), &d->account);
	return rc;
}

/* SQLite gives the files beside the database the database's mode. */
static int make_private(struct client_db *d)
{
	struct stat st;
	int fd = open(d->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc = fd < 0 || fstat(fd, &st) || ((st.st_mode & 077) && fchmod(fd, 0600)) ? -1 : 0;

	if (rc)
		snprintf(d->why, sizeof d->why, "%.200s: %s", d->path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}

static int set_up(struct client_db *d)
{
	if (sqlite3_open_v2(d->path, &d->h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return sql_failed(d);
	sqlite3_busy_timeout(d->h, BUSY_MS);
	/* A run that sends one message does not wait for the log to be moved into the file; see client_db_close(). */
	sqlite3_db_config(d->h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return sql_exec(d, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;") ||
			       upgrade(d)
		       ? -1
		       : 0;
}

/* Two that open a new database at once: SQLite tells one of them that it is busy without waiting. */
static int set_up_patiently(struct client_db *d)
{
	uint64_t until = clock_mono_us() + BUSY_MS * 1000;
	int rc;

	while ((rc = set_up(d)) && d->h && (sqlite3_errcode(d->h) & 0xff) == SQLITE_BUSY && clock_mono_us() < until) {
		sqlite3_close(d->h);
		d->h = NULL;
		nanosleep(&(struct timespec){.tv_nsec = OPEN_AGAIN_MS * 1000000}, NULL);
	}
	return rc;
}

struct client_db *client_db_open(const char *path, const char *url, const char *user, char why[256])
{
	struct client_db *d = calloc(1, sizeof *d);

	if (!d) {
		snprintf(why, 256, "out of memory");
		return NULL;
	}
	snprintf(d->path, sizeof d->path, "%s", path);
	if (make_private(d) == 0 && set_up_patiently(d) == 0 && find_account(d, url, user) == 0)
		return d;
	snprintf(why, 256, "%s", d->why);
	client_db_close(d);
	return NULL;
}

void client_db_close(struct client_db *d)
{
	char log[720];
	struct stat st;

	if (!d)
		return;
	/* Who opens it next reads the log: it must not be long. */
	snprintf(log, sizeof log, "%s-wal", d->path);
	if (d->h && stat(log, &st) == 0 && st.st_size > LOG_MAX)
		sqlite3_db_config(d->h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	sqlite3_close(d->h);
	free(d);
}

int client_db_check(struct client_db *d)
{
	char said[200] = "";

	if (sql_text(d, sql_query(d, "PRAGMA quick_check(1)", ""), said, sizeof said))
		return -1;
	if (strcmp(said, "ok") == 0)
		return 0;
	snprintf(d->why, sizeof d->why, "%.100s: %.140s", d->path, said);
	return -1;
}

const char *client_db_why(const struct client_db *d)
{
	return d->why;
}

const char *client_db_file(const struct client_db *d)
{
	return d->path;
}

void client_db_on_step(struct client_db *d, void (*fn)(void *ctx), void *ctx)
{
	d->step = fn;
	d->step_ctx = ctx;
}
