#include "common/client/cache.h"
#include "common/client/sql.h"
#include <stdio.h>
#include <string.h>

#define MY_FLOOR "(SELECT floor FROM peers WHERE account = ?1 AND user = ?2)"

int cache_begin(struct client_db *d)
{
	return sql_begin(d);
}

int cache_end(struct client_db *d, int rc)
{
	return sql_end(d, rc);
}

/* ---- messages that come ---- */

/* What is known of a message by its id. 0; 1: not known; place 0: it is in no window of this generation. */
static int find(struct client_db *d, const char *with, const char *id, int64_t *number, int64_t *place)
{
	sqlite3_stmt *st = sql_query(d,
		"SELECT number, iif(place >= " MY_FLOOR ", place, 0) FROM messages WHERE account = ?1 AND id = ?3",
		"iss", d->account, with, id);
	int rc = st ? sqlite3_step(st) : SQLITE_ERROR;

	*number = *place = 0;
	if (rc == SQLITE_ROW) {
		*number = sqlite3_column_int64(st, 0);
		*place = sqlite3_column_int64(st, 1);
	} else if (st && rc != SQLITE_DONE) {
		sql_failed(d);
	}
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? 0 : rc == SQLITE_DONE ? 1 : -1;
}

/* The id of the newest or oldest message of a window. 1: it is empty. */
static int edge(struct client_db *d, const char *with, bool newest, char id[65])
{
	static const char *const sql[] = {
		"SELECT id FROM messages WHERE account = ?1 AND peer = ?2 AND place >= " MY_FLOOR
		" ORDER BY place LIMIT 1",
		"SELECT id FROM messages WHERE account = ?1 AND peer = ?2 AND place >= " MY_FLOOR
		" ORDER BY place DESC LIMIT 1",
	};

	id[0] = 0;
	return sql_text(d, sql_query(d, sql[newest], "is", d->account, with), id, 65);
}

static int put_in_place(struct client_db *d, int64_t number, int64_t place)
{
	return sql_run(
		d, sql_query(d, "UPDATE messages SET place = ?, fresh = 0 WHERE number = ?", "ii", place, number));
}

/* What went through the outbox is no longer there, even if its answer is still to come. */
static int leave_outbox(struct client_db *d, const char *client_id, bool *settled)
{
	if (sql_run(d, sql_query(d, "DELETE FROM outbox WHERE account = ? AND client_id = ?", "is", d->account,
			       client_id)))
		return -1;
	*settled = sqlite3_changes(d->h) > 0;
	return 0;
}

int cache_message(struct client_db *d, const struct client_message *m, struct cache_message *out)
{
	char id[65];
	int64_t number, place;

	*out = (struct cache_message){.mine = strcmp(m->from, d->user) == 0};
	snprintf(out->with, sizeof out->with, "%s", out->mine ? m->to : m->from);
	if (sql_peer(d, out->with) || sql_keep(d, m) || find(d, out->with, m->id, &number, &place))
		return -1;
	if (out->mine && m->client_id && leave_outbox(d, m->client_id, &out->settled))
		return -1;
	if (place)
		return 0;
	int rc = edge(d, out->with, true, id);
	if (rc < 0 || sql_next_place(d, &place) || put_in_place(d, number, place))
		return -1;
	out->first = rc == 1;
	out->placed = true;
	return sql_run(d, sql_query(d,
				  "UPDATE peers SET last = ?3, rank = ?4, unread = unread + ?5 WHERE account = ?1 AND "
				  "user = ?2",
				  "isiii", d->account, out->with, number, place, (int64_t)(!out->mine && !m->read_at)));
}

/* ---- marks ---- */

enum mark { MARK_READ, MARK_PEER_READ, MARK_PEER_DELIVERED };

/* A mark moves forward only: not to a place before the one where it is. */
static int move_mark(struct client_db *d, const char *with, enum mark mark, const char *up_to)
{
#define MOVE(column)                                                                                                   \
	"UPDATE peers SET " column " = ?3 WHERE account = ?1 AND user = ?2 AND NOT EXISTS ("                           \
	"SELECT 1 FROM messages o, messages n WHERE o.account = ?1 AND o.id = " column " AND n.account = ?1 AND n.id " \
	"= ?3 AND n.place >= floor AND o.place > n.place)"
	static const char *const sql[] = {MOVE("read_up_to"), MOVE("peer_read_up_to"), MOVE("peer_delivered_up_to")};

	return sql_run(d, sql_query(d, sql[mark], "iss", d->account, with, up_to));
}

int cache_receipt(struct client_db *d, const char *with, bool read, const char *up_to, const char *id, const char *at)
{
	static const char *const sql[] = {
		"UPDATE messages SET delivered_at = coalesce(delivered_at, ?) WHERE account = ? AND id = ?",
		"UPDATE messages SET read_at = coalesce(read_at, ?) WHERE account = ? AND id = ?",
	};

	if (sql_peer(d, with))
		return -1;
	if (up_to)
		return move_mark(d, with, read ? MARK_PEER_READ : MARK_PEER_DELIVERED, up_to);
	return id ? sql_run(d, sql_query(d, sql[read], "sis", at, d->account, id)) : 0;
}

int cache_read(struct client_db *d, const char *with, const char *up_to, const char *id, unsigned unread)
{
	int rc = sql_peer(d, with);

	if (rc == 0 && up_to)
		rc = move_mark(d, with, MARK_READ, up_to);
	else if (rc == 0 && id)
		rc = sql_run(
			d, sql_query(d,
				   "UPDATE messages SET read_at = coalesce(read_at, strftime('%Y-%m-%dT%H:%M:%fZ'))"
				   " WHERE account = ? AND id = ?",
				   "is", d->account, id));
	return rc ? -1
		  : sql_run(d, sql_query(d, "UPDATE peers SET unread = ?3 WHERE account = ?1 AND user = ?2", "isi",
				       d->account, with, (int64_t)unread));
}

int cache_mark_want(struct client_db *d, const char *with, const char *up_to)
{
	char id[65];
	int64_t number, limit = INT64_MAX;
	int rc = sql_peer(d, with);

	if (rc == 0 && *up_to && (rc = find(d, with, up_to, &number, &limit)) == 0 && !limit)
		rc = 1;
	/* Only what was sent to me can be marked. */
	if (rc == 0)
		rc = sql_text(d,
			sql_query(d,
				"SELECT id FROM messages WHERE account = ?1 AND peer = ?2 AND sender = ?2 AND place "
				">= " MY_FLOOR " AND place <= ?3 ORDER BY place DESC LIMIT 1",
				"isi", d->account, with, limit),
			id, sizeof id);
	if (rc)
		return rc;
	sqlite3_stmt *st = sql_query(d,
		"UPDATE peers SET mark_wanted = ?3 WHERE account = ?1 AND user = ?2 AND read_up_to <> ?3 AND "
		"mark_wanted <> ?3",
		"iss", d->account, with, id);
	return sql_run(d, st) ? -1 : sqlite3_changes(d->h) == 0;
}

int cache_mark_next(struct client_db *d, char with[33], char up_to[65])
{
	sqlite3_stmt *st = sql_query(d,
		"SELECT user, mark_wanted FROM peers WHERE account = ? AND mark_wanted <> '' LIMIT 1", "i", d->account);
	int rc = st ? sqlite3_step(st) : SQLITE_ERROR;

	if (rc == SQLITE_ROW) {
		snprintf(with, 33, "%s", sql_column(st, 0));
		snprintf(up_to, 65, "%s", sql_column(st, 1));
	} else if (st && rc != SQLITE_DONE) {
		sql_failed(d);
	}
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? 0 : rc == SQLITE_DONE ? 1 : -1;
}

int cache_mark_done(struct client_db *d, const char *with, const char *up_to)
{
	return sql_run(
		d, sql_query(d, "UPDATE peers SET mark_wanted = '' WHERE account = ? AND user = ? AND mark_wanted = ?",
			   "iss", d->account, with, up_to));
}

/* ---- where the stream is ---- */

int cache_cursor(struct client_db *d, const char *cursor)
{
	return sql_run(d, sql_query(d, "UPDATE accounts SET cursor = ? WHERE number = ?", "si", cursor, d->account));
}

int cache_where(struct client_db *d, char cursor[65])
{
	return sql_text(d, sql_query(d, "SELECT cursor FROM accounts WHERE number = ?", "i", d->account), cursor, 65);
}

int cache_reset(struct client_db *d)
{
	static const char *const sql[] = {
		"UPDATE accounts SET next_place = ((next_place >> 32) + 1 << 32) + (1 << 31) WHERE number = ?1",
		("UPDATE peers SET complete = 0, floor = (SELECT next_place FROM accounts WHERE number = ?1) WHERE "
		 "account = ?1"),
		"UPDATE messages SET fresh = 0 WHERE account = ?1 AND fresh = 1",
	};
	int rc = 0;

	for (unsigned i = 0; i < sizeof sql / sizeof *sql && rc == 0; i++)
		rc = sql_run(d, sql_query(d, sql[i], "i", d->account));
	return rc;
}

int64_t cache_version(struct client_db *d)
{
	int64_t v;

	return sql_number(d, sql_query(d, "PRAGMA data_version", ""), &v) ? -1 : v;
}

/* ---- history ---- */

static int generation(struct client_db *d, int64_t *out)
{
	return sql_number(
		d, sql_query(d, "SELECT next_place >> 32 FROM accounts WHERE number = ?", "i", d->account), out);
}

static int chat_number(struct client_db *d, const char *with, const char *sql, int64_t *out)
{
	return sql_number(d, sql_query(d, sql, "is", d->account, with), out);
}

int cache_spot(struct client_db *d, const char *with, struct cache_spot *spot)
{
	int64_t complete = 0;

	*spot = (struct cache_spot){0};
	if (generation(d, &spot->generation) || edge(d, with, false, spot->before) < 0 ||
		chat_number(d, with, "SELECT complete FROM peers WHERE account = ? AND user = ?", &complete) < 0)
		return -1;
	spot->complete = complete && spot->before[0];
	return 0;
}

/* The first of the list that the stream does not bring by itself: from the newest one that is in the window on. The whole list when none is. */
static int first_to_place(
	struct client_db *d, const char *with, const struct client_message *list, unsigned n, unsigned *first)
{
	int64_t number, place;
	int rc = 0;

	*first = 0;
	for (unsigned i = 0; i < n; i++) {
		rc = find(d, with, list[i].id, &number, &place);
		if (rc < 0)
			return -1;
		if (rc == 0 && place) {
			*first = i;
			return 0;
		}
	}
	return 0;
}

static int place_page(struct client_db *d, const char *with, const struct client_message *list, unsigned n,
	unsigned first, unsigned *added)
{
	int64_t number, place, floor;

	if (chat_number(d, with, "SELECT floor FROM peers WHERE account = ? AND user = ?", &floor))
		return -1;
	for (unsigned i = first; i < n; i++) {
		if (find(d, with, list[i].id, &number, &place))
			return -1;
		if (place)
			continue;
		if (put_in_place(d, number, --floor))
			return -1;
		++*added;
	}
	return sql_run(d, sql_query(d, "UPDATE peers SET floor = ?3 WHERE account = ?1 AND user = ?2", "isi",
				  d->account, with, floor));
}

/* The chat's last message is the newest of its window. */
static int renew_last(struct client_db *d, const char *with)
{
	return sql_run(
		d, sql_query(d,
			   "UPDATE peers SET last = ifnull((SELECT number FROM messages WHERE account = ?1 AND peer "
			   "= ?2 AND place >= floor ORDER BY place DESC LIMIT 1), last)"
			   " WHERE account = ?1 AND user = ?2 AND (last IS NULL OR last IN (SELECT number FROM "
			   "messages WHERE account = ?1 AND peer = ?2 AND fresh = 0))",
			   "is", d->account, with));
}

static int add_page(struct client_db *d, const char *with, const struct cache_spot *spot,
	const struct client_message *list, unsigned n, bool complete, unsigned *added)
{
	int64_t now;
	unsigned first;

	if (sql_peer(d, with) || generation(d, &now))
		return -1;
	for (unsigned i = 0; i < n; i++)
		if (!list[i].id || sql_keep(d, &list[i]))
			return -1;
	if (now != spot->generation)
		return 0;
	if (first_to_place(d, with, list, n, &first) || place_page(d, with, list, n, first, added) ||
		renew_last(d, with))
		return -1;
	return sql_run(d, sql_query(d, "UPDATE peers SET complete = complete OR ?3 WHERE account = ?1 AND user = ?2",
				  "isi", d->account, with, (int64_t)complete));
}

int cache_page(struct client_db *d, const char *with, const struct cache_spot *spot, const struct client_message *list,
	unsigned n, bool complete, unsigned *added)
{
	*added = 0;
	return sql_begin(d) ? -1 : sql_end(d, add_page(d, with, spot, list, n, complete, added));
}

/* ---- what the server lists ---- */

int cache_conversation(struct client_db *d, const struct cache_conversation *c)
{
	char newest[65];
	int64_t number, place, rank;
	int rc;

	if (sql_peer(d, c->with) || sql_keep(d, &c->last) || find(d, c->with, c->last.id, &number, &place) ||
		sql_next_place(d, &rank) || (rc = edge(d, c->with, true, newest)) < 0)
		return -1;
	if (sql_run(d, sql_query(d, "UPDATE peers SET rank = ?3 WHERE account = ?1 AND user = ?2", "isi", d->account,
			       c->with, rank)))
		return -1;
	if (rc == 0 && strcmp(newest, c->last.id) != 0)
		return 1;
	return sql_run(
		d, sql_query(d,
			   "UPDATE peers SET last = ?3, unread = ?4, read_up_to = ifnull(?5, ''), peer_read_up_to = "
			   "ifnull(?6, ''), peer_delivered_up_to = ifnull(?7, '') WHERE account = ?1 AND user = ?2",
			   "isiisss", d->account, c->with, number, (int64_t)c->unread, c->read_up_to,
			   c->peer_read_up_to, c->peer_delivered_up_to));
}

int cache_list_clear(struct client_db *d, enum cache_list list)
{
	static const char *const sql[] = {
		"UPDATE peers SET contact = 0, alias = '' WHERE account = ? AND (contact OR alias <> '')",
		"UPDATE peers SET blocked = 0 WHERE account = ? AND blocked",
	};

	return sql_run(d, sql_query(d, sql[list], "i", d->account));
}

int cache_list_add(struct client_db *d, enum cache_list list, const char *user, const char *alias)
{
	static const char *const sql[] = {
		"UPDATE peers SET contact = 1, alias = ifnull(?3, '') WHERE account = ?1 AND user = ?2",
		"UPDATE peers SET blocked = 1 WHERE account = ?1 AND user = ?2",
	};
	int rc = sql_peer(d, user);

	if (rc)
		return rc;
	return sql_run(d, list == CACHE_CONTACTS ? sql_query(d, sql[list], "iss", d->account, user, alias)
						 : sql_query(d, sql[list], "is", d->account, user));
}

int cache_list_remove(struct client_db *d, enum cache_list list, const char *user)
{
	static const char *const sql[] = {
		"UPDATE peers SET contact = 0, alias = '' WHERE account = ? AND user = ?",
		"UPDATE peers SET blocked = 0 WHERE account = ? AND user = ?",
	};

	return sql_run(d, sql_query(d, sql[list], "is", d->account, user));
}

/* ---- what is only here ---- */

int cache_draft(struct client_db *d, const char *with, const char *text)
{
	return sql_peer(d, with) ||
			       sql_run(d, sql_query(d, "UPDATE peers SET draft = ?3 WHERE account = ?1 AND user = ?2",
						  "iss", d->account, with, text))
		       ? -1
		       : 0;
}

int cache_mute(struct client_db *d, const char *with, bool on)
{
	return sql_peer(d, with) ||
			       sql_run(d, sql_query(d, "UPDATE peers SET muted = ?3 WHERE account = ?1 AND user = ?2",
						  "isi", d->account, with, (int64_t)on))
		       ? -1
		       : 0;
}
