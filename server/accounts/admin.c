#include "server/accounts/admin.h"
#include "server/accounts/state.h"
#include <sodium.h>
#include <stdlib.h>

uint32_t accounts_sessions_count(struct accounts *a)
{
	return directory_sessions(a->directory);
}

uint32_t accounts_users_count(struct accounts *a)
{
	return directory_users(a->directory) - atomic_load(&a->removed);
}

/* Reading. */

static void read_account(sqlite3_stmt *st, struct account *u)
{
	accounts_copy_text(u->name, sizeof u->name, db_column(st, 0));
	accounts_copy_text(u->display_name, sizeof u->display_name, db_column(st, 1));
	u->created_ms = (uint64_t)sqlite3_column_int64(st, 2);
	u->locked = sqlite3_column_int(st, 3);
	u->bench = sqlite3_column_int(st, 4);
	u->sessions = (unsigned)sqlite3_column_int(st, 5);
	u->number = (uint32_t)sqlite3_column_int64(st, 6);
}

enum err accounts_page(
	struct accounts *a, struct str prefix, struct str after, unsigned limit, struct account **out, unsigned *n)
{
	int rc = SQLITE_DONE;

	*n = 0;
	*out = calloc(limit, sizeof **out);
	if (!*out)
		return ERR_OVERLOADED;
	db_lock(&a->db);
	sqlite3_stmt *st = db_use(&a->db, DB_USERS_PAGE);
	db_bind_str(st, 1, after);
	db_bind_str(st, 2, prefix);
	sqlite3_bind_int64(st, 3, limit);
	while (*n < limit && (rc = sqlite3_step(st)) == SQLITE_ROW)
		read_account(st, &(*out)[(*n)++]);
	db_done(st, rc);
	enum err e = rc == SQLITE_DONE || rc == SQLITE_ROW ? ERR_OK : db_err(&a->db, rc, "users");
	db_unlock(&a->db);
	return e;
}

/* Changing one. */

/* Runs a bound statement. The db's lock is held. */
static enum err run_bound(struct accounts *a, sqlite3_stmt *st)
{
	int rc = db_done(st, sqlite3_step(st));

	return rc == SQLITE_DONE ? ERR_OK : db_err(&a->db, rc, "admin");
}

enum err accounts_password_reset(struct accounts *a, uint32_t user, struct str password)
{
	char hash[PASSWORD_TEXT];
	unsigned n;

	if (directory_flags(a->directory, user) & USER_BENCH)
		return ERR_FORBIDDEN;
	enum err e = password_hash(&a->cost, password, hash);
	if (e != ERR_OK)
		return e;
	db_lock(&a->db);
	e = accounts_store_hash(a, user, hash);
	if (e == ERR_OK) {
		sqlite3_stmt *st = db_use(&a->db, DB_SESSIONS_OF);
		sqlite3_bind_int64(st, 1, user);
		e = accounts_end_sessions(a, st, &n);
	}
	db_unlock(&a->db);
	sodium_memzero(hash, sizeof hash);
	return e;
}

enum err accounts_lock(struct accounts *a, uint32_t user, bool locked)
{
	db_lock(&a->db);
	sqlite3_stmt *st = db_use(&a->db, DB_LOCK_SET);
	sqlite3_bind_int(st, 1, locked);
	sqlite3_bind_int64(st, 2, user);
	enum err e = run_bound(a, st);
	if (e == ERR_OK) {
		directory_flag(a->directory, user, USER_LOCKED, locked);
		atomic_fetch_add_explicit(&a->revision, 1, memory_order_release);
	}
	db_unlock(&a->db);
	return e;
}

/* Limits. */

static uint64_t pack(unsigned per_s, unsigned burst)
{
	return (uint64_t)per_s << 32 | burst;
}

static void note_limited(struct accounts *a, unsigned per_s)
{
	if (per_s)
		atomic_store(&a->sends_limited, true);
}

int accounts_limits_note(struct accounts *a, uint32_t user, uint32_t per_s, uint32_t burst)
{
	if (relations_put(a->send_limits, user, 0, pack(per_s, burst)))
		return -1;
	directory_flag(a->directory, user, USER_LIMITED, true);
	note_limited(a, per_s);
	return 0;
}

void accounts_sends_default(struct accounts *a, unsigned per_s, unsigned burst)
{
	atomic_store(&a->sends_default, pack(per_s, burst));
	note_limited(a, per_s);
}

struct send_limits accounts_limits(struct accounts *a, uint32_t user)
{
	uint64_t v = atomic_load(&a->sends_default);
	bool own = directory_flags(a->directory, user) & USER_LIMITED;

	if (own)
		(void)relations_get(a->send_limits, user, 0, &v);
	return (struct send_limits){own, (unsigned)(v >> 32), (unsigned)v};
}

unsigned accounts_sends_wait(struct accounts *a, uint32_t user, unsigned n, uint64_t mono_us)
{
	if (!atomic_load_explicit(&a->sends_limited, memory_order_relaxed))
		return 0;
	struct send_limits l = accounts_limits(a, user);
	return l.per_s ? limits_send(a->limits, user, n, l.per_s, l.burst, mono_us) : 0;
}

static void bind_limit(sqlite3_stmt *st, int at, const struct send_limits *l, unsigned v)
{
	if (l->own)
		sqlite3_bind_int64(st, at, v);
	else
		sqlite3_bind_null(st, at);
}

enum err accounts_limits_set(struct accounts *a, uint32_t user, const struct send_limits *l)
{
	db_lock(&a->db);
	sqlite3_stmt *st = db_use(&a->db, DB_LIMITS_SET);
	bind_limit(st, 1, l, l->per_s);
	bind_limit(st, 2, l, l->burst);
	sqlite3_bind_int64(st, 3, user);
	enum err e = run_bound(a, st);
	if (e == ERR_OK && !l->own) {
		directory_flag(a->directory, user, USER_LIMITED, false);
		relations_drop(a->send_limits, user, 0);
	} else if (e == ERR_OK && accounts_limits_note(a, user, l->per_s, l->burst)) {
		e = ERR_OVERLOADED;
	}
	db_unlock(&a->db);
	return e;
}

/* Removing. */

static void drop_pairs(struct accounts *a, uint32_t user)
{
	sqlite3_stmt *st = db_use(&a->db, DB_PAIRS_OF);
	int rc;

	sqlite3_bind_int64(st, 1, user);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		relations_drop(sqlite3_column_int(st, 2) ? a->blocks : a->contacts,
			(uint32_t)sqlite3_column_int64(st, 0), (uint32_t)sqlite3_column_int64(st, 1));
	db_done(st, rc);
}

enum err accounts_erase(struct accounts *a, uint32_t user, uint64_t now_ms)
{
	static const enum db_statement forget[] = {
		DB_CONTACTS_FORGET, DB_BLOCKS_FORGET, DB_BUNDLE_FORGET, DB_ONE_TIME_FORGET};
	unsigned n;
	sqlite3_stmt *st = db_use(&a->db, DB_USER_REMOVE);

	sqlite3_bind_int64(st, 1, (int64_t)now_ms);
	sqlite3_bind_int64(st, 2, user);
	enum err e = run_bound(a, st);
	if (e != ERR_OK)
		return e;
	st = db_use(&a->db, DB_SESSIONS_OF);
	sqlite3_bind_int64(st, 1, user);
	e = accounts_end_sessions(a, st, &n);
	/* Memory first for once: a relation that is too early gone does no harm to an account that goes. */
	drop_pairs(a, user);
	for (unsigned i = 0; i < sizeof forget / sizeof *forget && e == ERR_OK; i++) {
		st = db_use(&a->db, forget[i]);
		sqlite3_bind_int64(st, 1, user);
		e = run_bound(a, st);
	}
	return e;
}

void accounts_gone(struct accounts *a, uint32_t user)
{
	directory_flag(a->directory, user, USER_REMOVED, true);
	directory_flag(a->directory, user, USER_LIMITED, false);
	relations_drop(a->send_limits, user, 0);
	atomic_fetch_add(&a->removed, 1);
	atomic_fetch_add_explicit(&a->revision, 1, memory_order_release);
}

enum err accounts_transaction(struct accounts *a, enum err e)
{
	int rc = SQLITE_DONE;

	if (e == ERR_OK && (rc = db_run(&a->db, DB_COMMIT)) != SQLITE_DONE)
		e = db_err(&a->db, rc, "commit");
	if (e != ERR_OK)
		(void)db_run(&a->db, DB_ROLLBACK);
	return e;
}

enum err accounts_remove(struct accounts *a, uint32_t user, uint64_t now_ms)
{
	db_lock(&a->db);
	int rc = db_run(&a->db, DB_BEGIN);
	enum err e = rc == SQLITE_DONE ? accounts_transaction(a, accounts_erase(a, user, now_ms))
				       : db_err(&a->db, rc, "begin");
	if (e == ERR_OK)
		accounts_gone(a, user);
	db_unlock(&a->db);
	return e;
}

/* Invites. */

enum err accounts_invites(struct accounts *a, void (*each)(void *ctx, const struct invite *i), void *ctx)
{
	int rc;

	db_lock(&a->db);
	sqlite3_stmt *st = db_use(&a->db, DB_INVITES);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct invite i = {.uses_left = (unsigned)sqlite3_column_int64(st, 1),
			.created_ms = (uint64_t)sqlite3_column_int64(st, 2),
			.expires_ms = (uint64_t)sqlite3_column_int64(st, 3)};
		accounts_copy_text(i.id, sizeof i.id, db_column(st, 0));
		each(ctx, &i);
	}
	db_done(st, rc);
	enum err e = rc == SQLITE_DONE ? ERR_OK : db_err(&a->db, rc, "invites");
	db_unlock(&a->db);
	return e;
}

enum err accounts_invite_drop(struct accounts *a, struct str id)
{
	db_lock(&a->db);
	sqlite3_stmt *st = db_use(&a->db, DB_INVITE_DROP);
	db_bind_str(st, 1, id);
	enum err e = run_bound(a, st);
	if (e == ERR_OK && sqlite3_changes(a->db.h) == 0)
		e = ERR_NOT_FOUND;
	db_unlock(&a->db);
	return e;
}
