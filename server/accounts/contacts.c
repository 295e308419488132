/* Contacts and blocks: on disk, and in memory as pairs. */
#include "server/accounts/state.h"

static int load_pairs(struct accounts *a, enum db_statement s, struct relations *to)
{
	sqlite3_stmt *st = db_use(&a->db, s);
	int rc;

	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		if (relations_put(to, (uint32_t)sqlite3_column_int64(st, 0), (uint32_t)sqlite3_column_int64(st, 1),
			    (uint64_t)sqlite3_column_int64(st, 2)))
			break;
	return db_done(st, rc) == SQLITE_DONE ? 0 : -1;
}

int accounts_load_relations(struct accounts *a)
{
	return load_pairs(a, DB_CONTACT_PAIRS, a->contacts) || load_pairs(a, DB_BLOCK_PAIRS, a->blocks) ? -1 : 0;
}

bool accounts_blocks(struct accounts *a, uint32_t user, uint32_t other, uint64_t *since_ms)
{
	return relations_get(a->blocks, user, other, since_ms);
}

bool accounts_has_contact(struct accounts *a, uint32_t user, uint32_t other)
{
	return relations_get(a->contacts, user, other, NULL);
}

/* ERR_FORBIDDEN: a list that does not have the other one yet is full. The db's lock is held. */
static enum err room(struct accounts *a, enum db_statement count, struct relations *in, uint32_t user, uint32_t other)
{
	enum err e = ERR_OK;

	if (relations_get(in, user, other, NULL))
		return ERR_OK;
	sqlite3_stmt *st = db_use(&a->db, count);
	sqlite3_bind_int64(st, 1, user);
	int rc = sqlite3_step(st);
	if (rc != SQLITE_ROW)
		e = db_err(&a->db, rc, "count");
	else if (sqlite3_column_int64(st, 0) >= RELATIONS_MAX)
		e = ERR_FORBIDDEN;
	db_done(st, rc);
	return e;
}

enum err accounts_contact_put(struct accounts *a, uint32_t user, uint32_t other, struct str alias)
{
	db_lock(&a->db);
	enum err e = room(a, DB_CONTACTS_COUNT, a->contacts, user, other);
	if (e == ERR_OK) {
		sqlite3_stmt *st = db_use(&a->db, DB_CONTACT_PUT);
		sqlite3_bind_int64(st, 1, user);
		sqlite3_bind_int64(st, 2, other);
		if (alias.p)
			db_bind_str(st, 3, alias);
		int rc = db_done(st, sqlite3_step(st));
		if (rc != SQLITE_DONE)
			e = db_err(&a->db, rc, "contact");
		else if (relations_put(a->contacts, user, other, 0))
			e = ERR_OVERLOADED; /* it is on disk: a repeat is right in any case */
	}
	db_unlock(&a->db);
	return e;
}

enum err accounts_block(struct accounts *a, uint32_t user, uint32_t other, uint64_t now_ms)
{
	db_lock(&a->db);
	enum err e = room(a, DB_BLOCKS_COUNT, a->blocks, user, other);
	if (e == ERR_OK && !relations_get(a->blocks, user, other, NULL)) {
		sqlite3_stmt *st = db_use(&a->db, DB_BLOCK_PUT);
		sqlite3_bind_int64(st, 1, user);
		sqlite3_bind_int64(st, 2, other);
		sqlite3_bind_int64(st, 3, (int64_t)now_ms);
		int rc = db_done(st, sqlite3_step(st));
		if (rc != SQLITE_DONE)
			e = db_err(&a->db, rc, "block");
		else if (relations_put(a->blocks, user, other, now_ms))
			e = ERR_OVERLOADED;
	}
	db_unlock(&a->db);
	return e;
}

static enum err drop(struct accounts *a, enum db_statement s, struct relations *from, uint32_t user, uint32_t other)
{
	enum err e = ERR_OK;

	db_lock(&a->db);
	sqlite3_stmt *st = db_use(&a->db, s);
	sqlite3_bind_int64(st, 1, user);
	sqlite3_bind_int64(st, 2, other);
	int rc = db_done(st, sqlite3_step(st));
	if (rc == SQLITE_DONE)
		relations_drop(from, user, other);
	else
		e = db_err(&a->db, rc, "relation");
	db_unlock(&a->db);
	return e;
}

enum err accounts_contact_drop(struct accounts *a, uint32_t user, uint32_t other)
{
	return drop(a, DB_CONTACT_DROP, a->contacts, user, other);
}

enum err accounts_unblock(struct accounts *a, uint32_t user, uint32_t other)
{
	return drop(a, DB_BLOCK_DROP, a->blocks, user, other);
}

static enum err list(struct accounts *a, enum db_statement s, uint32_t user,
	void (*each)(void *ctx, struct str name, struct str alias), void *ctx)
{
	int rc;

	db_lock(&a->db);
	sqlite3_stmt *st = db_use(&a->db, s);
	sqlite3_bind_int64(st, 1, user);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct str alias = {NULL, 0};
		if (sqlite3_column_type(st, 1) != SQLITE_NULL) {
			alias = db_column(st, 1);
			alias.p = alias.p ? alias.p : ""; /* an empty one */
		}
		each(ctx, db_column(st, 0), alias);
	}
	db_done(st, rc);
	enum err e = rc == SQLITE_DONE ? ERR_OK : db_err(&a->db, rc, "relations");
	db_unlock(&a->db);
	return e;
}

enum err accounts_contacts(
	struct accounts *a, uint32_t user, void (*each)(void *ctx, struct str name, struct str alias), void *ctx)
{
	return list(a, DB_CONTACTS, user, each, ctx);
}

enum err accounts_blocked(
	struct accounts *a, uint32_t user, void (*each)(void *ctx, struct str name, struct str alias), void *ctx)
{
	return list(a, DB_BLOCKED, user, each, ctx);
}
