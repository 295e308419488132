#include "common/base/buf.h"
#include "common/client/sql.h"
#include <stdio.h>
#include <string.h>

enum { HANDLED_MAX = 100000 };

/* ---- messages ---- */

int sql_keep(struct client_db *d, const struct client_message *m)
{
	if (!m->id || !m->from || !m->to || !m->body || !m->sent_at)
		return 0;
	return sql_run(
		d, sql_query(d,
			   "INSERT INTO messages (account, id, client_id, sender, recipient, kind, body, sent_at, "
			   "delivered_at, read_at, peer)"
			   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, iif(?4 = ?11, ?5, ?4)) ON CONFLICT "
			   "(account, id) DO UPDATE SET"
			   " delivered_at = coalesce(delivered_at, excluded.delivered_at), read_at = "
			   "coalesce(read_at, excluded.read_at)",
			   "issssssssss", d->account, m->id, m->client_id, m->from, m->to, m->kind ? m->kind : "text",
			   m->body, m->sent_at, m->delivered_at, m->read_at, d->user));
}

int client_db_keep(struct client_db *d, const struct client_message *list, unsigned n)
{
	int rc = sql_begin(d);

	if (rc)
		return rc;
	for (unsigned i = 0; i < n && rc == 0; i++)
		rc = sql_keep(d, &list[i]);
	return sql_end(d, rc);
}

/* What people type, as FTS5 has it: each word and each run in quotation marks becomes a string, so that nothing in it is an operator. */
static void add_words(struct buf *b, const char *words)
{
	while (*words) {
		bool run_of_words = *words == '"';
		words += run_of_words;
		size_t n = strcspn(words, run_of_words ? "\"" : " \t\n\"");
		bool any_ending = !run_of_words && n > 1 && words[n - 1] == '*';
		if (n) {
			buf_addc(b, '"');
			buf_add(b, words, n - any_ending);
			buf_adds(b, any_ending ? "\"* " : "\" ");
		}
		words += n;
		words += *words == '"' ? run_of_words : *words != 0;
	}
	buf_addc(b, 0);
}

int client_db_search(struct client_db *d, const char *words, const char *with, unsigned limit,
	int (*fn)(void *ctx, const struct client_message *m), void *ctx)
{
	struct buf match;
	int rc = SQLITE_ERROR;

	buf_init(&match, 1 << 16);
	add_words(&match, words);
	sqlite3_stmt *st = match.failed ? NULL
					: sql_query(d,
						  "SELECT id, client_id, sender, recipient, kind, m.body, sent_at, "
						  "delivered_at, read_at"
						  " FROM words JOIN messages m ON m.number = words.rowid WHERE words "
						  "MATCH ? AND account = ?"
						  " AND (?3 IS NULL OR (sender = ?3 AND recipient = ?4) OR (sender = "
						  "?4 AND recipient = ?3))"
						  " ORDER BY sent_at DESC, m.number DESC LIMIT ?5",
						  "sissi", match.data, d->account, with, d->user, (int64_t)limit);
	while (st && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct client_message m = {sql_column(st, 0), sql_column(st, 1), sql_column(st, 2), sql_column(st, 3),
			sql_column(st, 4), sql_column(st, 5), sql_column(st, 6), sql_column(st, 7), sql_column(st, 8)};
		if (fn(ctx, &m)) {
			rc = SQLITE_DONE;
			break;
		}
	}
	if (st && rc != SQLITE_DONE)
		sql_failed(d);
	sqlite3_finalize(st);
	buf_release(&match);
	return rc == SQLITE_DONE ? 0 : -1;
}

int client_db_ids(
	struct client_db *d, const char *part, const char *with, int (*fn)(void *ctx, const char *id), void *ctx)
{
	sqlite3_stmt *st = sql_query(d,
		"SELECT id FROM messages WHERE account = ?1 AND instr(id, ?2)"
		" AND (?3 IS NULL OR (sender = ?3 AND recipient = ?4) OR (sender = ?4 AND recipient = ?3))",
		"isss", d->account, part, with, d->user);
	int rc = SQLITE_ERROR;

	while (st && (rc = sqlite3_step(st)) == SQLITE_ROW)
		if (fn(ctx, sql_column(st, 0))) {
			rc = SQLITE_DONE;
			break;
		}
	if (st && rc != SQLITE_DONE)
		sql_failed(d);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

int client_db_words(struct client_db *d, enum client_words kind, const char *prefix,
	int (*fn)(void *ctx, const char *word), void *ctx)
{
	/* ?1 account, ?2 me, ?3 prefix */
	static const char *const queries[] = {
		[WORDS_PEOPLE] = ("SELECT name FROM (SELECT iif(sender = ?2, recipient, sender) AS name, number FROM "
				  "messages WHERE account = ?1 ORDER BY number DESC LIMIT 5000)"
				  " WHERE substr(name, 1, length(?3)) = ?3 GROUP BY name ORDER BY max(number) DESC"),
		[WORDS_UNREAD] = ("SELECT id FROM (SELECT id, recipient, read_at, number FROM messages WHERE account = "
				  "?1 ORDER BY number DESC LIMIT 5000)"
				  " WHERE recipient = ?2 AND read_at IS NULL AND substr(id, 1, length(?3)) = ?3 ORDER "
				  "BY number DESC LIMIT 100"),
		[WORDS_WATCHES] = ("SELECT name FROM watches WHERE account = ?1 AND ?2 <> '' AND substr(name, 1, "
				   "length(?3)) = ?3 ORDER BY number DESC LIMIT 100"),
	};
	sqlite3_stmt *st = sql_query(d, queries[kind], "iss", d->account, d->user, prefix);
	int rc = st ? SQLITE_ROW : SQLITE_ERROR;

	while (st && (rc = sqlite3_step(st)) == SQLITE_ROW && fn(ctx, sql_column(st, 0)) == 0)
		;
	if (st && rc != SQLITE_DONE && rc != SQLITE_ROW)
		sql_failed(d);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : -1;
}

int client_db_sent(struct client_db *d, const char *client_id, char id[65], char sent_at[65])
{
	sqlite3_stmt *st =
		sql_query(d, "SELECT id, sent_at FROM messages WHERE account = ? AND client_id = ? AND sender = ?",
			"iss", d->account, client_id, d->user);
	int rc = st ? sqlite3_step(st) : SQLITE_ERROR;

	if (rc == SQLITE_ROW) {
		snprintf(id, 65, "%s", sql_column(st, 0));
		snprintf(sent_at, 65, "%s", sql_column(st, 1));
	} else if (st && rc != SQLITE_DONE) {
		sql_failed(d);
	}
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? 0 : rc == SQLITE_DONE ? 1 : -1;
}

/* ---- durable watches ---- */

int64_t client_db_watch(struct client_db *d, const char *name, char cursor[65])
{
	int64_t watch = -1;
	unsigned n;

	if (sql_run_alone(d,
		    sql_query(d, "INSERT OR IGNORE INTO watches (account, name) VALUES (?, ?)", "is", d->account, name),
		    &n) ||
		sql_number(d,
			sql_query(
				d, "SELECT number FROM watches WHERE account = ? AND name = ?", "is", d->account, name),
			&watch) ||
		sql_text(d, sql_query(d, "SELECT cursor FROM watches WHERE number = ?", "i", watch), cursor, 65))
		return -1;
	/* What is as old as that is behind the cursor long since. */
	return sql_run_alone(d,
		       sql_query(d,
			       "DELETE FROM handled WHERE watch = ?1 AND unmarked = 0 AND number <= (SELECT "
			       "max(number) FROM handled) - ?2",
			       "ii", watch, (int64_t)HANDLED_MAX),
		       &n)
		       ? -1
		       : watch;
}

int client_db_watches(struct client_db *d, int (*fn)(void *ctx, const char *name, const char *cursor), void *ctx)
{
	sqlite3_stmt *st =
		sql_query(d, "SELECT name, cursor FROM watches WHERE account = ? ORDER BY name", "i", d->account);
	int rc = SQLITE_ERROR;

	while (st && (rc = sqlite3_step(st)) == SQLITE_ROW)
		if (fn(ctx, sql_column(st, 0), sql_column(st, 1))) {
			rc = SQLITE_DONE;
			break;
		}
	if (st && rc != SQLITE_DONE)
		sql_failed(d);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

int client_db_watch_move(struct client_db *d, int64_t watch, const char *cursor)
{
	unsigned n;

	return sql_run_alone(
		d, sql_query(d, "UPDATE watches SET cursor = ? WHERE number = ?", "si", cursor, watch), &n);
}

int client_db_watch_done(
	struct client_db *d, int64_t watch, const struct client_message *m, const char *cursor, bool mark)
{
	if (sql_begin(d))
		return -1;
	int rc = sql_keep(d, m) ||
		 sql_run(d, sql_query(d, "INSERT OR IGNORE INTO handled (watch, id, unmarked) VALUES (?, ?, ?)", "isi",
				    watch, m->id, (int64_t)mark));
	if (rc == 0 && cursor)
		rc = sql_run(d, sql_query(d, "UPDATE watches SET cursor = ? WHERE number = ?", "si", cursor, watch));
	return sql_end(d, rc);
}

int client_db_watch_handled(struct client_db *d, int64_t watch, const char *id)
{
	int64_t n;
	int rc = sql_number(d, sql_query(d, "SELECT 1 FROM handled WHERE watch = ? AND id = ?", "is", watch, id), &n);

	return rc < 0 ? -1 : rc == 0;
}

int client_db_watch_unmarked(struct client_db *d, int64_t watch, char id[65])
{
	return sql_text(d,
		sql_query(d, "SELECT id FROM handled WHERE watch = ? AND unmarked = 1 ORDER BY number LIMIT 1", "i",
			watch),
		id, 65);
}

int client_db_watch_marked(struct client_db *d, int64_t watch, const char *id)
{
	unsigned n;

	return sql_run_alone(
		d, sql_query(d, "UPDATE handled SET unmarked = 0 WHERE watch = ? AND id = ?", "is", watch, id), &n);
}
