#include "common/base/clock.h"
#include "common/client/sql.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_COLUMNS "number, client_id, recipient, kind, body, created_ms, state, attempts, error"

static void entry_of(sqlite3_stmt *st, struct outbox_entry *e)
{
	*e = (struct outbox_entry){
		.number = sqlite3_column_int64(st, 0),
		.body = sql_column(st, 4),
		.created_ms = (uint64_t)sqlite3_column_int64(st, 5),
		.state = (enum entry_state)sqlite3_column_int(st, 6),
		.attempts = (unsigned)sqlite3_column_int(st, 7),
	};
	snprintf(e->client_id, sizeof e->client_id, "%s", sql_column(st, 1));
	snprintf(e->to, sizeof e->to, "%s", sql_column(st, 2));
	snprintf(e->kind, sizeof e->kind, "%s", sql_column(st, 3));
	snprintf(e->error, sizeof e->error, "%s", sql_column(st, 8));
}

int client_db_entry(struct client_db *d, const char *client_id, struct outbox_entry *e)
{
	sqlite3_stmt *st = sql_query(d, "SELECT " ENTRY_COLUMNS " FROM outbox WHERE account = ? AND client_id = ?",
		"is", d->account, client_id);
	int rc = st ? sqlite3_step(st) : SQLITE_ERROR;

	if (rc == SQLITE_ROW) {
		entry_of(st, e);
		e->body = strdup(e->body);
		rc = e->body ? SQLITE_ROW : SQLITE_NOMEM;
	}
	if (st && rc != SQLITE_ROW && rc != SQLITE_DONE)
		sql_failed(d);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? 0 : rc == SQLITE_DONE ? 1 : -1;
}

/* What waits makes its chat the latest one. */
static int put_entry(struct client_db *d, const struct outbox_entry *e)
{
	int64_t rank;

	if (sql_peer(d, e->to) || sql_next_place(d, &rank) ||
		sql_run(d, sql_query(d, "UPDATE peers SET rank = ? WHERE account = ? AND user = ?", "iis", rank,
				   d->account, e->to)))
		return -1;
	return sql_run(d, sql_query(d,
				  "INSERT INTO outbox (account, client_id, recipient, kind, body, created_ms) "
				  "VALUES (?, ?, ?, ?, ?, ?)",
				  "issssi", d->account, e->client_id, e->to, e->kind[0] ? e->kind : "text", e->body,
				  (int64_t)clock_wall_ms()));
}

/* Within a transaction: an enum entry_added, or -1. */
static int add_entry(struct client_db *d, const struct outbox_entry *e)
{
	struct outbox_entry old;
	int rc = client_db_entry(d, e->client_id, &old);

	if (rc < 0)
		return -1;
	if (rc == 1)
		return put_entry(d, e) ? -1 : ENTRY_ADDED;
	bool same = strcmp(old.to, e->to) == 0 && strcmp(old.kind, e->kind[0] ? e->kind : "text") == 0 &&
		    strcmp(old.body, e->body) == 0;
	free((char *)old.body);
	if (!same)
		return ENTRY_DIFFERS;
	return sql_run(d, sql_query(d, "UPDATE outbox SET state = 0 WHERE number = ?", "i", old.number)) ? -1
													 : ENTRY_KNOWN;
}

int client_db_entry_add(struct client_db *d, const struct outbox_entry *e)
{
	if (sql_begin(d))
		return -1;
	int how = add_entry(d, e);
	return sql_end(d, how < 0) ? -1 : how;
}

int client_db_entries(struct client_db *d, bool heads, int (*fn)(void *ctx, const struct outbox_entry *e), void *ctx)
{
	static const char *const sql[] = {
		"SELECT " ENTRY_COLUMNS " FROM outbox WHERE account = ? ORDER BY number",
		"SELECT " ENTRY_COLUMNS " FROM outbox WHERE number IN"
		" (SELECT min(number) FROM outbox WHERE account = ? AND state = 0 GROUP BY recipient) ORDER BY number",
	};
	sqlite3_stmt *st = sql_query(d, sql[heads], "i", d->account);
	struct outbox_entry e;
	int rc = SQLITE_ERROR;

	while (st && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		entry_of(st, &e);
		if (fn(ctx, &e)) {
			rc = SQLITE_DONE;
			break;
		}
	}
	if (st && rc != SQLITE_DONE)
		sql_failed(d);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

int client_db_waiting(struct client_db *d, const char *to, int64_t *newest)
{
	sqlite3_stmt *st = sql_query(d,
		"SELECT count(*), ifnull(max(number), 0) FROM outbox WHERE account = ?1 AND state = 0 AND recipient = "
		"ifnull(?2, recipient)",
		"is", d->account, to);
	int n = -1;

	if (st && sqlite3_step(st) == SQLITE_ROW) {
		n = sqlite3_column_int(st, 0);
		if (newest)
			*newest = sqlite3_column_int64(st, 1);
	} else if (st) {
		sql_failed(d);
	}
	sqlite3_finalize(st);
	return n;
}

int client_db_strangers(struct client_db *d)
{
	int64_t n;

	return sql_number(d,
		       sql_query(d, "SELECT count(*) FROM outbox WHERE account <> ? AND state = 0", "i", d->account),
		       &n)
		       ? -1
		       : (int)n;
}

static int settle_one(struct client_db *d, const struct settlement *s)
{
	if (s->how != SETTLED_SENT)
		return sql_run(
			d, sql_query(d,
				   "UPDATE outbox SET state = ?, attempts = attempts + 1, error = ? WHERE account = "
				   "? AND client_id = ?",
				   "isis", (int64_t)(s->how == SETTLED_REFUSED ? ENTRY_FAILED : ENTRY_WAITING),
				   s->error ? s->error : "", d->account, s->client_id));
	/* It is in the chat from now on, behind all the others until the stream says where; unless the stream was faster. */
	if (sql_run(d,
		    sql_query(d,
			    "INSERT INTO messages (account, id, client_id, sender, recipient, kind, body, sent_at, "
			    "peer, "
			    "fresh)"
			    " SELECT account, ?1, client_id, ?2, recipient, kind, body, ?3, recipient, 1 FROM outbox "
			    "WHERE account = ?4 AND client_id = ?5"
			    " ON CONFLICT (account, id) DO NOTHING",
			    "sssis", s->id, d->user, s->sent_at, d->account, s->client_id)) ||
		sql_run(d, sql_query(d,
				   "UPDATE peers SET last = m.number FROM messages m WHERE m.account = ?1 AND m.id = "
				   "?2 AND "
				   "m.fresh = 1 AND peers.account = ?1 AND peers.user = m.peer",
				   "is", d->account, s->id)))
		return -1;
	return sql_run(d,
		sql_query(d, "DELETE FROM outbox WHERE account = ? AND client_id = ?", "is", d->account, s->client_id));
}

int client_db_settle(struct client_db *d, const struct settlement *list, unsigned n)
{
	int rc = sql_begin(d);

	if (rc)
		return rc;
	for (unsigned i = 0; i < n && rc == 0; i++)
		rc = settle_one(d, &list[i]);
	return sql_end(d, rc);
}

int client_db_entry_drop(struct client_db *d, const char *client_id, bool failed_only, unsigned *n)
{
	return sql_run_alone(d,
		sql_query(d, "DELETE FROM outbox WHERE account = ? AND client_id = ifnull(?, client_id) AND state >= ?",
			"isi", d->account, client_id, (int64_t)(failed_only ? ENTRY_FAILED : ENTRY_WAITING)),
		n);
}

int client_db_entry_again(struct client_db *d, const char *client_id, unsigned *n)
{
	return sql_run_alone(d,
		sql_query(d,
			"UPDATE outbox SET state = 0 WHERE account = ? AND client_id = ifnull(?, client_id) AND state "
			"= 1",
			"is", d->account, client_id),
		n);
}
