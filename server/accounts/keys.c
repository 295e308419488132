/* Public keys of encrypted devices: a bundle for each user, and keys that go out once. */
#include "server/accounts/state.h"
#include <sodium.h>

enum { HASH = 16 };

static int run_for(struct accounts *a, enum db_statement s, uint32_t user, const char *device)
{
	sqlite3_stmt *st = db_use(&a->db, s);

	sqlite3_bind_int64(st, 1, user);
	if (device)
		db_bind_str(st, 2, str_of(device));
	return db_done(st, sqlite3_step(st));
}

/* The one number that a statement about user (and device) answers; -1: it failed. */
static int64_t number_of(struct accounts *a, enum db_statement s, uint32_t user, const char *device)
{
	sqlite3_stmt *st = db_use(&a->db, s);
	int64_t n = -1;

	sqlite3_bind_int64(st, 1, user);
	if (device)
		db_bind_str(st, 2, str_of(device));
	int rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	db_done(st, rc);
	return n;
}

/* The bundle, and whose device it is. ERR_NOT_FOUND: there is none. */
static enum err load(struct accounts *a, uint32_t user, struct key_bundle *out, char device[DEVICE_TEXT + 1])
{
	enum err e = ERR_NOT_FOUND;

	sqlite3_stmt *st = db_use(&a->db, DB_BUNDLE);
	sqlite3_bind_int64(st, 1, user);
	int rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		struct str bundle = db_column(st, 0), whose = db_column(st, 1);
		out->n = bundle.n < BUNDLE_MAX ? bundle.n : BUNDLE_MAX;
		memcpy(out->bytes, bundle.p, out->n);
		size_t n = whose.n < DEVICE_TEXT ? whose.n : DEVICE_TEXT;
		memcpy(device, whose.p, n);
		device[n] = 0;
		e = ERR_OK;
	} else if (rc != SQLITE_DONE) {
		e = db_err(&a->db, rc, "bundle");
	}
	db_done(st, rc);
	return e;
}

/* Keys of another device of the account are of no use with this one's bundle. Which ids a device has used is kept as long as it may put keys. */
static int change_device(struct accounts *a, const struct session *s)
{
	int rc = run_for(a, DB_KEYS_DROP, s->user, NULL);

	return rc == SQLITE_DONE ? run_for(a, DB_KEYS_FORGET, s->user, NULL) : rc;
}

static int put_bundle(struct accounts *a, const struct session *s, struct str bundle)
{
	sqlite3_stmt *st = db_use(&a->db, DB_BUNDLE_PUT);

	sqlite3_bind_int64(st, 1, s->user);
	db_bind_str(st, 2, str_of(s->device));
	sqlite3_bind_blob(st, 3, bundle.p, (int)bundle.n, SQLITE_STATIC);
	return db_done(st, sqlite3_step(st));
}

/* ERR_OK: to be added. ERR_COUNT: it is there, or was, as the same key. ERR_KEY_ID_REUSED: as another one. */
static enum err used_before(struct accounts *a, const struct session *s, uint32_t id, const uint8_t hash[HASH])
{
	sqlite3_stmt *st = db_use(&a->db, DB_KEY_HASH);
	enum err e = ERR_OK;

	sqlite3_bind_int64(st, 1, s->user);
	db_bind_str(st, 2, str_of(s->device));
	sqlite3_bind_int64(st, 3, id);
	int rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		struct str was = db_column(st, 0);
		e = was.n == HASH && memcmp(was.p, hash, HASH) == 0 ? ERR_COUNT : ERR_KEY_ID_REUSED;
	} else if (rc != SQLITE_DONE) {
		e = db_err(&a->db, rc, "one-time-key");
	}
	db_done(st, rc);
	return e;
}

static enum err put_key(struct accounts *a, const struct session *s, const struct one_time_key *k)
{
	uint8_t hash[HASH];

	crypto_generichash(hash, sizeof hash, k->key, sizeof k->key, NULL, 0);
	enum err e = used_before(a, s, k->id, hash);
	if (e != ERR_OK)
		return e == ERR_COUNT ? ERR_OK : e;
	sqlite3_stmt *st = db_use(&a->db, DB_KEY_ADD);
	sqlite3_bind_int64(st, 1, s->user);
	db_bind_str(st, 2, str_of(s->device));
	sqlite3_bind_int64(st, 3, k->id);
	sqlite3_bind_blob(st, 4, hash, sizeof hash, SQLITE_STATIC);
	sqlite3_bind_blob(st, 5, k->key, sizeof k->key, SQLITE_STATIC);
	int rc = db_done(st, sqlite3_step(st));
	return rc == SQLITE_DONE ? ERR_OK : db_err(&a->db, rc, "one-time-key");
}

static enum err put_all(struct accounts *a, const struct session *s, struct str bundle, const struct one_time_key *k,
	size_t n, unsigned *left)
{
	struct key_bundle before;
	char device[DEVICE_TEXT + 1];
	enum err e = load(a, s->user, &before, device);
	int rc = SQLITE_DONE;

	if (e != ERR_OK && e != ERR_NOT_FOUND)
		return e;
	if (e == ERR_OK && strcmp(device, s->device) != 0)
		rc = change_device(a, s);
	if (rc == SQLITE_DONE)
		rc = put_bundle(a, s, bundle);
	if (rc != SQLITE_DONE)
		return db_err(&a->db, rc, "bundle");
	e = ERR_OK;
	for (size_t i = 0; i < n && e == ERR_OK; i++)
		e = put_key(a, s, &k[i]);
	int64_t now = number_of(a, DB_KEYS_LEFT, s->user, NULL), ids = number_of(a, DB_KEY_IDS, s->user, s->device);
	if (e == ERR_OK && (now < 0 || ids < 0))
		e = ERR_UNAVAILABLE;
	if (e == ERR_OK && now > ONE_TIME_MAX)
		e = ERR_BAD_FIELD;
	if (e == ERR_OK && ids > ONE_TIME_IDS_MAX)
		e = ERR_FORBIDDEN;
	*left = (unsigned)now;
	return e;
}

/* Ends the transaction that was begun: all of it, or after an error nothing. */
static enum err finish(struct accounts *a, enum err e)
{
	int rc;

	if (e == ERR_OK && (rc = db_run(&a->db, DB_COMMIT)) != SQLITE_DONE)
		e = db_err(&a->db, rc, "commit");
	if (e != ERR_OK)
		(void)db_run(&a->db, DB_ROLLBACK);
	return e;
}

enum err accounts_keys_put(struct accounts *a, const struct session *s, struct str bundle, const struct one_time_key *k,
	size_t n, unsigned *left)
{
	db_lock(&a->db);
	int rc = db_run(&a->db, DB_BEGIN);
	enum err e = rc == SQLITE_DONE ? finish(a, put_all(a, s, bundle, k, n, left)) : db_err(&a->db, rc, "begin");
	db_unlock(&a->db);
	return e;
}

enum err accounts_keys_own(struct accounts *a, uint32_t user, struct key_bundle *out)
{
	char device[DEVICE_TEXT + 1];

	db_lock(&a->db);
	enum err e = load(a, user, out, device);
	int64_t left = e == ERR_OK ? number_of(a, DB_KEYS_LEFT, user, NULL) : 0;
	if (left < 0)
		e = ERR_UNAVAILABLE;
	out->one_time_left = (unsigned)left;
	db_unlock(&a->db);
	return e;
}

/* Takes one key out. Its row stays, without the key, so that its id is not used again. */
static enum err spend(struct accounts *a, uint32_t user, struct key_bundle *out)
{
	sqlite3_stmt *st = db_use(&a->db, DB_KEY_NEXT);

	sqlite3_bind_int64(st, 1, user);
	int rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		struct str key = db_column(st, 1);
		out->has_one_time = key.n == sizeof out->one_time.key;
		out->one_time.id = (uint32_t)sqlite3_column_int64(st, 0);
		if (out->has_one_time)
			memcpy(out->one_time.key, key.p, key.n);
	}
	db_done(st, rc);
	if (rc == SQLITE_DONE)
		return ERR_OK;
	if (rc == SQLITE_ROW) {
		st = db_use(&a->db, DB_KEY_SPEND);
		sqlite3_bind_int64(st, 1, user);
		sqlite3_bind_int64(st, 2, out->one_time.id);
		rc = db_done(st, sqlite3_step(st));
	}
	return rc == SQLITE_DONE ? ERR_OK : db_err(&a->db, rc, "one-time-key");
}

enum err accounts_keys_take(struct accounts *a, uint32_t user, bool one_time, struct key_bundle *out)
{
	char device[DEVICE_TEXT + 1];

	out->has_one_time = false;
	db_lock(&a->db);
	enum err e = load(a, user, out, device);
	if (e == ERR_OK && one_time && number_of(a, DB_KEYS_LEFT, user, NULL) > 0) {
		int rc = db_run(&a->db, DB_BEGIN);
		e = rc == SQLITE_DONE ? finish(a, spend(a, user, out)) : db_err(&a->db, rc, "begin");
	}
	db_unlock(&a->db);
	return e;
}

unsigned accounts_keys_wait(struct accounts *a, uint32_t requester, uint32_t user, uint64_t mono_us)
{
	return limits_fetch(a->limits, requester, user, mono_us);
}
