#include "server/accounts/db.h"
#include "common/base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* steps[v] leads from version v to v + 1. */
static const char *const steps[DB_VERSION] = {
	"CREATE TABLE users ("
	" number INTEGER PRIMARY KEY AUTOINCREMENT," /* never given out again */
	" name TEXT NOT NULL UNIQUE,"
	" password TEXT NOT NULL," /* Argon2id, encoded */
	" display_name TEXT NOT NULL,"
	" created_ms INTEGER NOT NULL) STRICT;"
	"CREATE TABLE sessions ("
	" hash BLOB PRIMARY KEY," /* BLAKE2b of the token */
	" user INTEGER NOT NULL REFERENCES users (number),"
	" device TEXT NOT NULL UNIQUE,"
	" name TEXT NOT NULL,"
	" created_ms INTEGER NOT NULL,"
	" seen_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE INDEX sessions_user ON sessions (user);"
	"CREATE TABLE invites ("
	" hash BLOB PRIMARY KEY,"
	" created_ms INTEGER NOT NULL,"
	" expires_ms INTEGER NOT NULL,"
	" used_by INTEGER REFERENCES users (number)) STRICT, WITHOUT ROWID;",
	"CREATE TABLE contacts ("
	" user INTEGER NOT NULL REFERENCES users (number),"
	" contact INTEGER NOT NULL REFERENCES users (number),"
	" alias TEXT,"
	" PRIMARY KEY (user, contact)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE blocks ("
	" user INTEGER NOT NULL REFERENCES users (number),"
	" blocked INTEGER NOT NULL REFERENCES users (number),"
	" since_ms INTEGER NOT NULL,"
	" PRIMARY KEY (user, blocked)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE bundles ("
	" user INTEGER PRIMARY KEY REFERENCES users (number),"
	" device TEXT NOT NULL," /* of the session that put it; the session may have ended */
	" bundle BLOB NOT NULL) STRICT;"
	"CREATE TABLE one_time_keys ("
	" user INTEGER NOT NULL REFERENCES users (number),"
	" device TEXT NOT NULL,"
	" id INTEGER NOT NULL,"
	" hash BLOB NOT NULL," /* BLAKE2b of the key, to know it again */
	" key BLOB,"           /* NULL: given out, or dropped; the id stays used */
	" PRIMARY KEY (user, device, id)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX one_time_left ON one_time_keys (user, id) WHERE key IS NOT NULL;",
	"ALTER TABLE users ADD COLUMN locked INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE users ADD COLUMN removed_ms INTEGER;" /* the row stays, so that name and number do */
	"ALTER TABLE users ADD COLUMN bench TEXT;"         /* the run that it was made for */
	"ALTER TABLE users ADD COLUMN sends_per_s INTEGER;"
	"ALTER TABLE users ADD COLUMN burst INTEGER;"
	"CREATE INDEX users_bench ON users (bench) WHERE bench IS NOT NULL;"
	"CREATE INDEX contacts_contact ON contacts (contact);"
	"CREATE INDEX blocks_blocked ON blocks (blocked);"
	"ALTER TABLE invites ADD COLUMN uses_left INTEGER NOT NULL DEFAULT 1;"
	"UPDATE invites SET uses_left = 0 WHERE used_by IS NOT NULL;",
};

static const char *const sql[DB_COUNT] = {
#define DB_SQL(name, text) text,
	DB_STATEMENTS(DB_SQL)
#undef DB_SQL
};

static int exec(struct db *d, const char *text)
{
	return sqlite3_exec(d->h, text, NULL, NULL, NULL) == SQLITE_OK ? 0 : -1;
}

static int version(struct db *d, int *out)
{
	sqlite3_stmt *st;
	int rc = -1;

	if (sqlite3_prepare_v2(d->h, "PRAGMA user_version", -1, &st, NULL) != SQLITE_OK)
		return -1;
	if (sqlite3_step(st) == SQLITE_ROW) {
		*out = sqlite3_column_int(st, 0);
		rc = 0;
	}
	sqlite3_finalize(st);
	return rc;
}

static int upgrade(struct db *d, char why[256])
{
	char set[64];
	int have;

	if (exec(d, "BEGIN IMMEDIATE") || version(d, &have))
		return -1;
	if (have > DB_VERSION) {
		snprintf(why, 256, "the accounts database has version %d and this program knows up to %d", have,
			DB_VERSION);
		return -2;
	}
	for (; have < DB_VERSION; have++) {
		snprintf(set, sizeof set, "PRAGMA user_version = %d", have + 1);
		if (exec(d, steps[have]) || exec(d, set))
			return -1;
	}
	return exec(d, "COMMIT");
}

/* WAL and the 0600 of its files: SQLite gives the files beside the database the mode of the database. */
static int set_up(struct db *d, const char *path, char why[256])
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		snprintf(why, 256, "%s: %s", path, strerror(errno));
		return -1;
	}
	close(fd);
	int rc = sqlite3_open_v2(path, &d->h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK) {
		sqlite3_busy_timeout(d->h, 5000);
		rc = exec(d, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
			     "PRAGMA trusted_schema = OFF;")
			     ? -1
			     : upgrade(d, why);
	}
	for (int i = 0; rc == 0 && i < DB_COUNT; i++)
		rc = sqlite3_prepare_v3(d->h, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &d->statement[i], NULL);
	if (rc && rc != -2)
		snprintf(why, 256, "%s: %s", path, d->h ? sqlite3_errmsg(d->h) : "out of memory");
	return rc ? -1 : 0;
}

int db_open(struct db *d, const char *path, char why[256])
{
	memset(d, 0, sizeof *d);
	pthread_mutex_init(&d->lock, NULL);
	if (set_up(d, path, why) == 0)
		return 0;
	db_release(d);
	return -1;
}

void db_release(struct db *d)
{
	for (int i = 0; i < DB_COUNT; i++)
		sqlite3_finalize(d->statement[i]);
	sqlite3_close(d->h);
	pthread_mutex_destroy(&d->lock);
}

void db_lock(struct db *d)
{
	pthread_mutex_lock(&d->lock);
}

void db_unlock(struct db *d)
{
	pthread_mutex_unlock(&d->lock);
}

sqlite3_stmt *db_use(struct db *d, enum db_statement s)
{
	return d->statement[s];
}

int db_done(sqlite3_stmt *st, int rc)
{
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return rc;
}

int db_run(struct db *d, enum db_statement s)
{
	sqlite3_stmt *st = db_use(d, s);

	return db_done(st, sqlite3_step(st));
}

void db_bind_str(sqlite3_stmt *st, int at, struct str text)
{
	sqlite3_bind_text(st, at, text.n ? text.p : "", (int)text.n, SQLITE_STATIC);
}

struct str db_column(sqlite3_stmt *st, int at)
{
	const void *p = sqlite3_column_blob(st, at);

	return (struct str){p, p ? (size_t)sqlite3_column_bytes(st, at) : 0};
}

enum err db_err(struct db *d, int rc, const char *what)
{
	log_event(LOG_ERROR, "accounts-database", "what=%s code=%d message=\"%s\"", what,
		sqlite3_extended_errcode(d->h), sqlite3_errmsg(d->h));
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return ERR_INSUFFICIENT_STORAGE;
	case SQLITE_NOMEM:
	case SQLITE_BUSY:
		return ERR_OVERLOADED;
	default:
		return ERR_UNAVAILABLE;
	}
}

/* Pages in one hold of the lock. */
enum { BACKUP_PAGES = 256 };

static int copy_pages(struct db *d, sqlite3 *to)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", d->h, "main");
	int rc = b ? SQLITE_OK : sqlite3_errcode(to);

	while (b && rc == SQLITE_OK) {
		db_lock(d);
		rc = sqlite3_backup_step(b, BACKUP_PAGES);
		db_unlock(d);
	}
	sqlite3_backup_finish(b);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int db_backup(struct db *d, const char *path, char why[256])
{
	sqlite3 *to = NULL;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0) {
		snprintf(why, 256, "%.180s: %s", path, strerror(errno));
		return -1;
	}
	int rc = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK)
		rc = copy_pages(d, to);
	sqlite3_close(to);
	if (rc != SQLITE_OK)
		snprintf(why, 256, "%.180s: %s", path, sqlite3_errstr(rc));
	else if (fsync(fd) && (rc = -1))
		snprintf(why, 256, "%.180s: %s", path, strerror(errno));
	close(fd);
	return rc == SQLITE_OK ? 0 : -1;
}
