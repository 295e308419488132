/* Accounts for load tests, in bulk. */
#include "server/accounts/admin.h"
#include "server/accounts/state.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

struct made {
	char name[USER_MAX + 1], token[TOKEN_SECRET_TEXT + 1];
	struct session_row row;
	bool fresh; /* not in memory yet */
};

static enum err mark_run(struct accounts *a, uint32_t number, const char *run)
{
	sqlite3_stmt *st = db_use(&a->db, DB_BENCH_SET);

	db_bind_str(st, 1, str_of(run));
	sqlite3_bind_int64(st, 2, number);
	int rc = db_done(st, sqlite3_step(st));
	return rc == SQLITE_DONE ? ERR_OK : db_err(&a->db, rc, "bench");
}

static enum err insert(struct accounts *a, struct made *m, uint64_t now_ms)
{
	sqlite3_stmt *st = db_use(&a->db, DB_USER_ADD);

	db_bind_str(st, 1, str_of(m->name));
	db_bind_str(st, 2, STR(""));
	db_bind_str(st, 3, STR(""));
	sqlite3_bind_int64(st, 4, (int64_t)now_ms);
	int rc = db_done(st, sqlite3_step(st));
	if (rc != SQLITE_DONE)
		return rc == SQLITE_CONSTRAINT ? ERR_USER_TAKEN : db_err(&a->db, rc, "bench");
	m->row.session.user = (uint32_t)sqlite3_last_insert_rowid(a->db.h);
	m->fresh = true;
	return ERR_OK;
}

/* Who has the name: ERR_OK and *number 0 when nobody has. A removed account of a load test gives it away. */
static enum err look(struct accounts *a, const char *name, uint32_t *number)
{
	sqlite3_stmt *st = db_use(&a->db, DB_USER_BY_NAME);

	db_bind_str(st, 1, str_of(name));
	int rc = sqlite3_step(st);
	uint32_t found = rc == SQLITE_ROW ? (uint32_t)sqlite3_column_int64(st, 0) : 0;
	bool bench = found && sqlite3_column_int(st, 1), removed = found && sqlite3_column_int(st, 2);
	db_done(st, rc);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return db_err(&a->db, rc, "bench");
	*number = removed ? 0 : found;
	if (!found || (bench && !removed))
		return ERR_OK;
	if (!bench)
		return ERR_USER_TAKEN;
	st = db_use(&a->db, DB_NAME_FREE);
	sqlite3_bind_int64(st, 1, found);
	rc = db_done(st, sqlite3_step(st));
	return rc == SQLITE_DONE ? ERR_OK : db_err(&a->db, rc, "bench");
}

static enum err make(struct accounts *a, struct made *m, const char *run, uint64_t now_ms)
{
	uint32_t number;
	unsigned ended;
	enum err e = look(a, m->name, &number);

	if (e == ERR_OK && number) {
		sqlite3_stmt *st = db_use(&a->db, DB_SESSIONS_OF);
		sqlite3_bind_int64(st, 1, number);
		e = accounts_end_sessions(a, st, &ended);
	} else if (e == ERR_OK) {
		e = insert(a, m, now_ms);
		number = m->row.session.user;
	}
	if (e == ERR_OK)
		e = mark_run(a, number, run);
	if (e == ERR_OK)
		e = accounts_new_session(a, number, STR("bench"), now_ms, &m->row, m->token);
	return e;
}

/* Into memory, once it is durable. */
static enum err show(struct accounts *a, struct made *m)
{
	uint32_t number = m->row.session.user;

	if (m->fresh && directory_add_user(a->directory, number, str_of(m->name)))
		return ERR_OVERLOADED;
	directory_flag(a->directory, number, USER_BENCH, true);
	if (number > atomic_load(&a->highest))
		atomic_store(&a->highest, number);
	return directory_add_session(a->directory, &m->row) ? ERR_OVERLOADED : ERR_OK;
}

static enum err make_all(struct accounts *a, struct made *all, const struct bench *b, uint64_t now_ms)
{
	int rc = db_run(&a->db, DB_BEGIN);
	enum err e = rc == SQLITE_DONE ? ERR_OK : db_err(&a->db, rc, "begin");

	for (uint32_t i = 0; i < b->count && e == ERR_OK; i++) {
		snprintf(all[i].name, sizeof all[i].name, "%.*s%06u", (int)b->prefix.n, b->prefix.p, b->first + i);
		e = make(a, &all[i], b->run, now_ms);
	}
	e = accounts_transaction(a, e);
	for (uint32_t i = 0; i < b->count && e == ERR_OK; i++)
		e = show(a, &all[i]);
	return e;
}

enum err accounts_bench_add(struct accounts *a, struct bench *b, uint64_t now_ms,
	void (*each)(void *ctx, const char *name, const char *token), void *ctx)
{
	struct made *all = calloc(b->count, sizeof *all);
	uint8_t run[RUN_TEXT / 2];

	if (!all)
		return ERR_OVERLOADED;
	randombytes_buf(run, sizeof run);
	sodium_bin2hex(b->run, sizeof b->run, run, sizeof run);
	db_lock(&a->db);
	enum err e = make_all(a, all, b, now_ms);
	db_unlock(&a->db);
	for (uint32_t i = 0; i < b->count && e == ERR_OK; i++)
		each(ctx, all[i].name, all[i].token);
	sodium_memzero(all, b->count * sizeof *all);
	free(all);
	return e;
}

/* The numbers of a run. *n: how many; NULL: out of memory, or an error. */
static uint32_t *of_run(struct accounts *a, struct str run, unsigned *n)
{
	sqlite3_stmt *st = db_use(&a->db, DB_BENCH_USERS);
	uint32_t cap = 1024, *list = malloc(cap * sizeof *list);
	int rc = SQLITE_NOMEM;

	*n = 0;
	db_bind_str(st, 1, run);
	while (list && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (*n == cap) {
			uint32_t *wide = realloc(list, 2ul * cap * sizeof *list);
			if (!wide)
				break;
			list = wide;
			cap *= 2;
		}
		list[(*n)++] = (uint32_t)sqlite3_column_int64(st, 0);
	}
	db_done(st, rc);
	if (rc == SQLITE_DONE)
		return list;
	free(list);
	return NULL;
}

enum err accounts_bench_remove(struct accounts *a, struct str run, uint64_t now_ms, unsigned *removed)
{
	db_lock(&a->db);
	uint32_t *list = of_run(a, run, removed);
	enum err e = list ? ERR_OK : ERR_OVERLOADED;
	int rc = e == ERR_OK ? db_run(&a->db, DB_BEGIN) : SQLITE_DONE;
	if (rc != SQLITE_DONE)
		e = db_err(&a->db, rc, "begin");
	for (unsigned i = 0; e == ERR_OK && i < *removed; i++)
		e = accounts_erase(a, list[i], now_ms);
	if (list && rc == SQLITE_DONE)
		e = accounts_transaction(a, e);
	for (unsigned i = 0; e == ERR_OK && i < *removed; i++)
		accounts_gone(a, list[i]);
	db_unlock(&a->db);
	free(list);
	return e == ERR_OK && *removed == 0 ? ERR_NOT_FOUND : e;
}
