#include "common/client/sql.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What of mine the other side has is told by marks, or by the message's own times; m: messages, p: its row of peers. */
#define PLACE_OF(mark) \
	"(SELECT r.place FROM messages r WHERE r.account = p.account AND r.id = " mark " AND r.place >= p.floor)"
#define HAS(time, mark) "m." time " IS NOT NULL OR m.id = p." mark " OR m.place <= " PLACE_OF("p." mark)
#define LINE_STATE                                                                \
	"CASE WHEN m.sender = m.peer AND m.recipient <> m.peer THEN 0 WHEN " HAS( \
		"read_at", "peer_read_up_to") " THEN 3 "                          \
					      "WHEN " HAS("delivered_at", "peer_delivered_up_to") " THEN 2 ELSE 1 END"
#define LINE_COLUMNS(join)                                                                                        \
	"SELECT m.id, m.client_id, m.sender, m.recipient, m.kind, m.body, m.sent_at, m.delivered_at, m.read_at, " \
	"iif(m.place >= p.floor, m.place, 0), " LINE_STATE " FROM messages m " join                               \
	" peers p ON p.account = m.account AND p.user = m.peer "
/* To me, in the window, and not read by what is known here. */
#define NOT_READ                                                                                                   \
	"m.account = p.account AND m.peer = p.user AND m.place >= p.floor AND m.sender = p.user AND m.read_at IS " \
	"NULL "                                                                                                    \
	"AND m.place > max(ifnull(" PLACE_OF("p.read_up_to") ", 0), ifnull(" PLACE_OF("p.mark_wanted") ", 0))"
/* While the server does not know of a mark, its count is too high. */
#define UNREAD "iif(p.mark_wanted = '', p.unread, min(p.unread, (SELECT count(*) FROM messages m WHERE " NOT_READ ")))"

/* ---- lines ---- */

static struct chat_line line_of(sqlite3_stmt *st)
{
	return (struct chat_line){
		.m = {sql_column(st, 0), sql_column(st, 1), sql_column(st, 2), sql_column(st, 3), sql_column(st, 4),
			sql_column(st, 5), sql_column(st, 6), sql_column(st, 7), sql_column(st, 8)},
		.place = sqlite3_column_int64(st, 9),
		.state = (enum line_state)sqlite3_column_int(st, 10),
	};
}

/* Runs st and ends it; *n: how many there were. 1: fn wants no more. */
static int each_line(
	struct client_db *d, sqlite3_stmt *st, unsigned *n, int (*fn)(void *ctx, const struct chat_line *l), void *ctx)
{
	int rc = st ? SQLITE_ROW : SQLITE_ERROR;
	bool enough = false;

	while (rc == SQLITE_ROW && !enough && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct chat_line l = line_of(st);
		++*n;
		enough = fn(ctx, &l) != 0;
	}
	if (st && !enough && rc != SQLITE_DONE)
		sql_failed(d);
	sqlite3_finalize(st);
	return enough ? 1 : rc == SQLITE_DONE ? 0 : -1;
}

int client_db_lines(struct client_db *d, const char *with, int64_t before, unsigned limit,
	int (*fn)(void *ctx, const struct chat_line *l), void *ctx)
{
	unsigned n = 0;
	int rc = 0;

	if (before == 0)
		rc = each_line(d,
			sql_query(d,
				LINE_COLUMNS("JOIN") "WHERE m.account = ? AND m.peer = ? AND m.fresh = 1 ORDER BY "
						     "m.number DESC "
						     "LIMIT ?",
				"isi", d->account, with, (int64_t)limit),
			&n, fn, ctx);
	if (rc || n >= limit)
		return rc < 0 ? -1 : 0;
	rc = each_line(d,
		sql_query(d,
			LINE_COLUMNS("JOIN") "WHERE m.account = ? AND m.peer = ? AND m.place >= p.floor AND m.place < "
					     "? ORDER BY "
					     "m.place DESC LIMIT ?",
			"isii", d->account, with, before ? before : INT64_MAX, (int64_t)(limit - n)),
		&n, fn, ctx);
	return rc < 0 ? -1 : 0;
}

int client_db_line(struct client_db *d, const char *id, int (*fn)(void *ctx, const struct chat_line *l), void *ctx)
{
	unsigned n = 0;
	int rc = each_line(d,
		sql_query(d, LINE_COLUMNS("LEFT JOIN") "WHERE m.account = ? AND m.id = ?", "is", d->account, id), &n,
		fn, ctx);

	return rc < 0 ? -1 : n == 0;
}

int64_t client_db_first_unread(struct client_db *d, const char *with)
{
	int64_t place = 0;
	int rc = sql_number(d,
		sql_query(d,
			"SELECT ifnull(min(place), 0) FROM (SELECT m.place FROM peers p JOIN messages m ON " NOT_READ
			" WHERE p.account = ? AND p.user = ? ORDER BY m.place DESC LIMIT (SELECT " UNREAD
			" FROM peers p WHERE p.account = ?1 AND p.user = ?2))",
			"is", d->account, with),
		&place);

	return rc < 0 ? -1 : place;
}

/* ---- chats ---- */

#define CHAT_COLUMNS                                                                                               \
	"SELECT p.user, p.alias, m.id, m.sender, m.kind, m.sent_at, m.body, " LINE_STATE                           \
	", nullif(p.draft, ''), " UNREAD                                                                           \
	", (SELECT count(*) FROM outbox WHERE account = p.account AND state = 0 AND recipient = p.user) AS queued" \
	", (SELECT count(*) FROM outbox WHERE account = p.account AND state = 1 AND recipient = p.user) AS failed" \
	", p.contact, p.blocked, p.muted, p.complete, p.read_up_to, p.peer_read_up_to, p.peer_delivered_up_to"     \
	" FROM peers p LEFT JOIN messages m ON m.number = p.last WHERE p.account = ?1 "

static void copy(char *out, size_t max, const char *text)
{
	snprintf(out, max, "%s", text ? text : "");
}

static void chat_of(sqlite3_stmt *st, struct client_chat *c)
{
	*c = (struct client_chat){
		.last_body = sql_column(st, 6),
		.last_state = (enum line_state)sqlite3_column_int(st, 7),
		.draft = sql_column(st, 8),
		.unread = (unsigned)sqlite3_column_int(st, 9),
		.queued = (unsigned)sqlite3_column_int(st, 10),
		.failed = (unsigned)sqlite3_column_int(st, 11),
		.contact = sqlite3_column_int(st, 12),
		.blocked = sqlite3_column_int(st, 13),
		.muted = sqlite3_column_int(st, 14),
		.complete = sqlite3_column_int(st, 15),
	};
	copy(c->with, sizeof c->with, sql_column(st, 0));
	copy(c->alias, sizeof c->alias, sql_column(st, 1));
	copy(c->last_id, sizeof c->last_id, sql_column(st, 2));
	copy(c->last_from, sizeof c->last_from, sql_column(st, 3));
	copy(c->last_kind, sizeof c->last_kind, sql_column(st, 4));
	copy(c->last_at, sizeof c->last_at, sql_column(st, 5));
	copy(c->read_up_to, sizeof c->read_up_to, sql_column(st, 16));
	copy(c->peer_read_up_to, sizeof c->peer_read_up_to, sql_column(st, 17));
	copy(c->peer_delivered_up_to, sizeof c->peer_delivered_up_to, sql_column(st, 18));
}

int client_db_chats(struct client_db *d, bool contacts, int (*fn)(void *ctx, const struct client_chat *c), void *ctx)
{
	sqlite3_stmt *st = sql_query(d,
		CHAT_COLUMNS "AND (p.last IS NOT NULL OR p.draft <> '' OR queued OR failed OR (?2 AND (p.contact OR "
			     "p.blocked))) ORDER BY p.rank DESC, p.user",
		"ii", d->account, (int64_t)contacts);
	struct client_chat c;
	int rc = SQLITE_ERROR;

	while (st && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		chat_of(st, &c);
		if (fn(ctx, &c)) {
			rc = SQLITE_DONE;
			break;
		}
	}
	if (st && rc != SQLITE_DONE)
		sql_failed(d);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

int client_db_chat(struct client_db *d, const char *with, struct client_chat *c)
{
	sqlite3_stmt *st = sql_query(d, CHAT_COLUMNS "AND p.user = ?2", "is", d->account, with);
	int rc = st ? sqlite3_step(st) : SQLITE_ERROR;

	*c = (struct client_chat){0};
	if (rc == SQLITE_ROW) {
		chat_of(st, c);
		c->last_body = c->last_body ? strdup(c->last_body) : NULL;
		c->draft = c->draft ? strdup(c->draft) : NULL;
	} else if (st && rc != SQLITE_DONE) {
		sql_failed(d);
	}
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? 0 : rc == SQLITE_DONE ? 1 : -1;
}

/* ---- the end of a profile ---- */

/* How many wait in the file, whoever's they are. -1 with why; -2: somebody else has it open. */
static int64_t waiting_in(const char *path, char why[256])
{
	sqlite3 *h = NULL;
	sqlite3_stmt *st = NULL;
	int64_t n = -1;
	int rc = sqlite3_open_v2(path, &h, SQLITE_OPEN_READWRITE, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_exec(h, "PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(h, "SELECT count(*) FROM outbox WHERE state = 0", -1, &st, NULL);
	if (rc == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	if (rc == SQLITE_BUSY)
		n = -2, snprintf(why, 256, "%.200s is in use by another program", path);
	else if (n < 0)
		snprintf(why, 256, "%.160s: %.90s", path, sqlite3_errmsg(h));
	sqlite3_finalize(st);
	sqlite3_close(h);
	return n;
}

/* The locks of durable watches. */
static void remove_locks(const char *path)
{
	char file[1024], *dir = strdup(path), *name = dir ? strrchr(dir, '/') : NULL;
	DIR *d = NULL;

	if (name) {
		*name++ = 0;
		d = opendir(dir);
	}
	for (struct dirent *e; d && (e = readdir(d));) {
		size_t n = strlen(name);
		if (strncmp(e->d_name, name, n) != 0 || strncmp(e->d_name + n, ".watch-", 7) != 0)
			continue;
		snprintf(file, sizeof file, "%s/%s", dir, e->d_name);
		unlink(file);
	}
	if (d)
		closedir(d);
	free(dir);
}

int client_db_remove(const char *profile, bool force, unsigned *waiting, char why[256])
{
	static const char *const beside[] = {"-wal", "-shm", ".lock", ""};
	char path[700], file[720];
	int rc = 0;

	*waiting = 0;
	if (client_db_path(profile, false, path))
		return snprintf(why, 256, "there is no home for it"), -1;
	if (access(path, F_OK))
		return 1;
	int64_t n = waiting_in(path, why);
	*waiting = n > 0 ? (unsigned)n : 0;
	if (n == -2)
		return -1;
	if (!force && n) {
		if (n > 0)
			snprintf(why, 256, "%u messages in the outbox of %.64s are not sent yet", *waiting, profile);
		return -1;
	}
	remove_locks(path);
	for (unsigned i = 0; i < sizeof beside / sizeof *beside; i++) {
		snprintf(file, sizeof file, "%s%s", path, beside[i]);
		if (unlink(file) && errno != ENOENT && !rc) {
			snprintf(why, 256, "cannot remove %.180s: %s", file, strerror(errno));
			rc = -1;
		}
	}
	return rc;
}
