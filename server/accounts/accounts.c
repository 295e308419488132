#include "common/base/clock.h"
#include "common/base/log.h"
#include "server/accounts/state.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum { DEVICE_BYTES = 12, STEP = 256 /* rows taken up at a time */ };
static const uint64_t SEEN_STEP_MS = 24 * 3600000ull;

void accounts_draw(size_t n, char *text, size_t room, struct hash *h)
{
	uint8_t secret[SECRET_BYTES];

	randombytes_buf(secret, n);
	sodium_bin2base64(text, room, secret, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	crypto_generichash(h->h, sizeof h->h, secret, n, NULL, 0);
	sodium_memzero(secret, sizeof secret);
}

/* 0; -1: cannot be a secret of n bytes. */
static int parse(struct str text, size_t n, struct hash *h)
{
	uint8_t secret[SECRET_BYTES];
	size_t got;

	if (sodium_base642bin(secret, n, text.p, text.n, NULL, &got, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) ||
		got != n)
		return -1;
	crypto_generichash(h->h, sizeof h->h, secret, n, NULL, 0);
	sodium_memzero(secret, sizeof secret);
	return 0;
}

void accounts_copy_text(char *to, size_t room, struct str from)
{
	size_t n = from.n < room ? from.n : room - 1;

	if (n)
		memcpy(to, from.p, n);
	to[n] = 0;
}

/* What is on disk, into memory. */

static int load_user(struct accounts *a, sqlite3_stmt *st)
{
	uint32_t number = (uint32_t)sqlite3_column_int64(st, 0);

	if (directory_add_user(a->directory, number, db_column(st, 1)))
		return -1;
	for (int i = 0; i < 3; i++)
		if (sqlite3_column_int(st, 2 + i))
			directory_flag(a->directory, number, (enum user_flag)(1 << i), true);
	a->removed += sqlite3_column_int(st, 2) != 0;
	if (sqlite3_column_type(st, 5) == SQLITE_NULL)
		return 0;
	return accounts_limits_note(
		a, number, (uint32_t)sqlite3_column_int64(st, 5), (uint32_t)sqlite3_column_int64(st, 6));
}

static int load_users(struct accounts *a)
{
	sqlite3_stmt *st = db_use(&a->db, DB_USERS);
	int rc;

	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		if (load_user(a, st))
			break;
	if (db_done(st, rc) != SQLITE_DONE)
		return -1;
	st = db_use(&a->db, DB_HIGHEST);
	if (sqlite3_step(st) == SQLITE_ROW)
		atomic_store(&a->highest, (uint32_t)sqlite3_column_int64(st, 0));
	db_done(st, 0);
	return 0;
}

static int load_sessions(struct accounts *a)
{
	sqlite3_stmt *st = db_use(&a->db, DB_SESSIONS);
	int rc;

	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct str hash = db_column(st, 0);
		struct session_row row = {.session.user = (uint32_t)sqlite3_column_int64(st, 1)};
		if (hash.n != sizeof row.token_hash)
			continue;
		memcpy(row.token_hash, hash.p, sizeof row.token_hash);
		accounts_copy_text(row.session.device, sizeof row.session.device, db_column(st, 2));
		row.created_ms = (uint64_t)sqlite3_column_int64(st, 3);
		row.stored_seen_ms = (uint64_t)sqlite3_column_int64(st, 4);
		row.seen_ms = row.stored_seen_ms;
		if (directory_add_session(a->directory, &row))
			break;
	}
	return db_done(st, rc) == SQLITE_DONE ? 0 : -1;
}

int accounts_open(struct accounts **out, const struct accounts_config *c, char why[256])
{
	struct accounts *a = calloc(1, sizeof *a);

	*out = NULL;
	snprintf(why, 256, "out of memory");
	if (sodium_init() < 0 || !a)
		return -1;
	a->cost = (struct password_cost){c->argon_kib, c->argon_passes};
	a->sliding_ms = c->sliding_ms;
	a->absolute_ms = c->absolute_ms;
	if (db_open(&a->db, c->path, why)) {
		free(a);
		return -1;
	}
	a->limits = limits_new(c->login_per_minute);
	a->directory = directory_new();
	a->contacts = relations_new();
	a->blocks = relations_new();
	a->send_limits = relations_new();
	accounts_sends_default(a, c->sends_per_s, c->sends_burst);
	snprintf(why, 256, "out of memory, or %.180s cannot be read", c->path);
	if (!a->limits || !a->directory || !a->contacts || !a->blocks || !a->send_limits || load_users(a) ||
		load_sessions(a) || accounts_load_relations(a) ||
		password_hash(&a->cost, STR("of a user who is not there"), a->dummy) != ERR_OK) {
		accounts_close(a);
		return -1;
	}
	*out = a;
	return 0;
}

void accounts_close(struct accounts *a)
{
	if (!a)
		return;
	directory_free(a->directory);
	relations_free(a->contacts);
	relations_free(a->blocks);
	relations_free(a->send_limits);
	limits_free(a->limits);
	db_release(&a->db);
	free(a);
}

/* Memory only. */

uint32_t accounts_highest(struct accounts *a)
{
	return atomic_load(&a->highest);
}

uint32_t accounts_find(struct accounts *a, struct str name)
{
	return directory_find(a->directory, name);
}

struct str accounts_name(struct accounts *a, uint32_t user)
{
	return directory_name(a->directory, user);
}

int accounts_session(struct accounts *a, struct str token, uint64_t now_ms, struct session *out)
{
	struct hash h;

	if (token.n != TOKEN_SECRET_TEXT || parse(token, SECRET_BYTES, &h))
		return -1;
	return directory_session(a->directory, h.h, now_ms, a->sliding_ms, a->absolute_ms, out);
}

bool accounts_locked(struct accounts *a, uint32_t user)
{
	return directory_flags(a->directory, user) & USER_LOCKED;
}

uint32_t accounts_find_any(struct accounts *a, struct str name)
{
	return directory_find_any(a->directory, name);
}

uint64_t accounts_revision(struct accounts *a)
{
	return atomic_load_explicit(&a->revision, memory_order_acquire);
}

bool accounts_alive(struct accounts *a, const struct session *s, uint64_t now_ms)
{
	return directory_alive(a->directory, s, now_ms, a->sliding_ms, a->absolute_ms);
}

bool accounts_admit(struct accounts *a, const char *address, uint64_t mono_us)
{
	return limits_admit(a->limits, address, mono_us);
}

/* Registration. */

static int invite_step(struct accounts *a, enum db_statement s, const struct hash *h, uint64_t now_ms, int64_t user)
{
	sqlite3_stmt *st = db_use(&a->db, s);
	int at = 1;

	if (s == DB_INVITE_USE)
		sqlite3_bind_int64(st, at++, user);
	sqlite3_bind_blob(st, at++, h->h, sizeof h->h, SQLITE_STATIC);
	sqlite3_bind_int64(st, at, (int64_t)now_ms);
	return db_done(st, sqlite3_step(st));
}

static bool invite_valid(struct accounts *a, struct str text, struct hash *h, uint64_t now_ms)
{
	if (text.n != INVITE_TEXT || parse(text, INVITE_BYTES, h))
		return false;
	db_lock(&a->db);
	int rc = invite_step(a, DB_INVITE_VALID, h, now_ms, 0);
	db_unlock(&a->db);
	return rc == SQLITE_ROW;
}

static enum err insert_user(
	struct accounts *a, const struct registration *r, const char *password, uint64_t now_ms, uint32_t *number)
{
	sqlite3_stmt *st = db_use(&a->db, DB_USER_ADD);

	db_bind_str(st, 1, r->user);
	db_bind_str(st, 2, str_of(password));
	db_bind_str(st, 3, r->display_name);
	sqlite3_bind_int64(st, 4, (int64_t)now_ms);
	int rc = db_done(st, sqlite3_step(st));
	if (rc == SQLITE_CONSTRAINT)
		return ERR_USER_TAKEN;
	if (rc != SQLITE_DONE)
		return db_err(&a->db, rc, "register");
	*number = (uint32_t)sqlite3_last_insert_rowid(a->db.h);
	return ERR_OK;
}

static enum err use_invite(struct accounts *a, const struct hash *invite, uint64_t now_ms, uint32_t number)
{
	int rc = invite_step(a, DB_INVITE_USE, invite, now_ms, number);

	if (rc != SQLITE_DONE)
		return db_err(&a->db, rc, "invite");
	return sqlite3_changes(a->db.h) == 1 ? ERR_OK : ERR_INVITE_REQUIRED;
}

/* One transaction; the name can be found once it is durable. */
static enum err store_user(struct accounts *a, const struct registration *r, const struct hash *invite,
	const char *password, uint64_t now_ms)
{
	uint32_t number = 0;
	int rc = db_run(&a->db, DB_BEGIN);

	if (rc != SQLITE_DONE)
		return db_err(&a->db, rc, "begin");
	enum err e = insert_user(a, r, password, now_ms, &number);
	if (e == ERR_OK && invite)
		e = use_invite(a, invite, now_ms, number);
	if (e == ERR_OK && (rc = db_run(&a->db, DB_COMMIT)) != SQLITE_DONE)
		e = db_err(&a->db, rc, "commit");
	if (e != ERR_OK) {
		(void)db_run(&a->db, DB_ROLLBACK);
		return e;
	}
	atomic_store(&a->highest, number);
	if (directory_add_user(a->directory, number, r->user)) {
		log_event(LOG_ERROR, "user-not-in-memory", "number=%u", number);
		return ERR_OVERLOADED; /* it exists, and is found from the next start on */
	}
	return ERR_OK;
}

enum err accounts_register(struct accounts *a, const struct registration *r, uint64_t now_ms)
{
	struct hash invite;
	char password[PASSWORD_TEXT];

	/* First, so that without an invite nothing is told about the name. */
	if (r->need_invite && !invite_valid(a, r->invite, &invite, now_ms))
		return ERR_INVITE_REQUIRED;
	if (name_reserved(r->user) || accounts_find(a, r->user))
		return ERR_USER_TAKEN;
	enum err e = password_hash(&a->cost, r->password, password);
	if (e == ERR_OK) {
		db_lock(&a->db);
		e = store_user(a, r, r->need_invite ? &invite : NULL, password, now_ms);
		db_unlock(&a->db);
	}
	sodium_memzero(password, sizeof password);
	return e;
}

enum err accounts_invite(struct accounts *a, uint64_t now_ms, unsigned uses, uint64_t life_ms, struct invite *info,
	char out[INVITE_TEXT + 1])
{
	struct hash h;

	accounts_draw(INVITE_BYTES, out, INVITE_TEXT + 1, &h);
	db_lock(&a->db);
	sqlite3_stmt *st = db_use(&a->db, DB_INVITE_ADD);
	sqlite3_bind_blob(st, 1, h.h, sizeof h.h, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, (int64_t)now_ms);
	sqlite3_bind_int64(st, 3, (int64_t)(now_ms + life_ms));
	sqlite3_bind_int64(st, 4, uses);
	int rc = db_done(st, sqlite3_step(st));
	enum err e = rc == SQLITE_DONE ? ERR_OK : db_err(&a->db, rc, "invite");
	db_unlock(&a->db);
	*info = (struct invite){.uses_left = uses, .created_ms = now_ms, .expires_ms = now_ms + life_ms};
	sodium_bin2hex(info->id, sizeof info->id, h.h, INVITE_ID_TEXT / 2);
	return e;
}

/* Passwords. */

/* The user's hash; the dummy when there is no such user, or she has no password. The db's lock is held. */
static enum err read_hash(struct accounts *a, uint32_t user, char out[PASSWORD_TEXT])
{
	sqlite3_stmt *st = db_use(&a->db, DB_PASSWORD);
	enum err e = ERR_OK;

	sqlite3_bind_int64(st, 1, user);
	int rc = sqlite3_step(st);
	if (rc == SQLITE_ROW && sqlite3_column_bytes(st, 0) > 0)
		accounts_copy_text(out, PASSWORD_TEXT, db_column(st, 0));
	else if (rc == SQLITE_DONE || rc == SQLITE_ROW)
		memcpy(out, a->dummy, PASSWORD_TEXT);
	else
		e = db_err(&a->db, rc, "password");
	db_done(st, rc);
	return e;
}

static enum err load_hash(struct accounts *a, uint32_t user, char out[PASSWORD_TEXT])
{
	db_lock(&a->db);
	enum err e = read_hash(a, user, out);
	db_unlock(&a->db);
	return e;
}

/* Is it still the hash that was checked? Hashing takes long: an old password that was right must not open a session after the change that was to end
 * all of them. The db's lock is held. */
static enum err still_same(struct accounts *a, uint32_t user, const char *hash)
{
	char now[PASSWORD_TEXT];
	enum err e = read_hash(a, user, now);

	if (e == ERR_OK && strcmp(now, hash) != 0)
		e = ERR_OVERLOADED;
	sodium_memzero(now, sizeof now);
	return e;
}

enum err accounts_store_hash(struct accounts *a, uint32_t user, const char *hash)
{
	sqlite3_stmt *st = db_use(&a->db, DB_PASSWORD_SET);

	db_bind_str(st, 1, str_of(hash));
	sqlite3_bind_int64(st, 2, user);
	int rc = db_done(st, sqlite3_step(st));
	return rc == SQLITE_DONE ? ERR_OK : db_err(&a->db, rc, "password");
}

/* Failures are counted for `counted`, whether such a user exists or not. ERR_BAD_LOGIN: wrong. */
static enum err check(struct accounts *a, uint32_t user, struct str password, struct str counted, const char *address,
	char hash[PASSWORD_TEXT])
{
	if (!limits_may_try(a->limits, counted, address, clock_mono_us()))
		return ERR_RATE_LIMITED;
	enum err e = load_hash(a, user, hash);
	if (e == ERR_OK)
		e = password_check(hash, password);
	if (e == ERR_OK && (!user || directory_flags(a->directory, user) & (USER_BENCH | USER_REMOVED)))
		e = ERR_BAD_LOGIN;
	if (e == ERR_OK || e == ERR_BAD_LOGIN)
		limits_tried(a->limits, counted, address, e == ERR_OK, clock_mono_us());
	return e;
}

/* A hash made at another cost is made anew while the password is at hand. Failing at it does no harm; a password changed meanwhile stays. */
static void refresh_hash(struct accounts *a, uint32_t user, struct str password, char hash[PASSWORD_TEXT])
{
	char fresh[PASSWORD_TEXT];

	if (!password_outdated(&a->cost, hash) || password_hash(&a->cost, password, fresh) != ERR_OK)
		return;
	db_lock(&a->db);
	if (still_same(a, user, hash) == ERR_OK && accounts_store_hash(a, user, fresh) == ERR_OK)
		memcpy(hash, fresh, PASSWORD_TEXT);
	db_unlock(&a->db);
	sodium_memzero(fresh, sizeof fresh);
}

/* Sessions. */

enum err accounts_end_sessions(struct accounts *a, sqlite3_stmt *find, unsigned *ended)
{
	char device[DEVICE_TEXT + 1];
	int rc;

	*ended = 0;
	while ((rc = sqlite3_step(find)) == SQLITE_ROW) {
		accounts_copy_text(device, sizeof device, db_column(find, 0));
		sqlite3_reset(find); /* what is bound stays */
		sqlite3_stmt *st = db_use(&a->db, DB_SESSION_DELETE);
		db_bind_str(st, 1, str_of(device));
		rc = db_done(st, sqlite3_step(st));
		if (rc != SQLITE_DONE)
			break;
		directory_remove_session(a->directory, device);
		atomic_fetch_add_explicit(&a->revision, 1, memory_order_release);
		++*ended;
	}
	db_done(find, rc);
	return rc == SQLITE_DONE ? ERR_OK : db_err(&a->db, rc, "session-end");
}

static enum err end_excess(struct accounts *a, uint32_t user)
{
	sqlite3_stmt *st = db_use(&a->db, DB_EXCESS_FIND);
	unsigned n;

	sqlite3_bind_int64(st, 1, user);
	sqlite3_bind_int64(st, 2, DEVICES_MAX - 1);
	return accounts_end_sessions(a, st, &n);
}

static enum err insert_session(struct accounts *a, const struct session_row *row, struct str device_name)
{
	sqlite3_stmt *st = db_use(&a->db, DB_SESSION_ADD);

	sqlite3_bind_blob(st, 1, row->token_hash, sizeof row->token_hash, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, row->session.user);
	db_bind_str(st, 3, str_of(row->session.device));
	db_bind_str(st, 4, device_name);
	sqlite3_bind_int64(st, 5, (int64_t)row->created_ms);
	sqlite3_bind_int64(st, 6, (int64_t)row->created_ms);
	int rc = db_done(st, sqlite3_step(st));
	return rc == SQLITE_DONE ? ERR_OK : db_err(&a->db, rc, "login");
}

enum err accounts_new_session(struct accounts *a, uint32_t user, struct str device_name, uint64_t now_ms,
	struct session_row *row, char token[TOKEN_SECRET_TEXT + 1])
{
	uint8_t device[DEVICE_BYTES];
	struct hash h;

	*row = (struct session_row){
		.session.user = user, .created_ms = now_ms, .seen_ms = now_ms, .stored_seen_ms = now_ms};
	accounts_draw(SECRET_BYTES, token, TOKEN_SECRET_TEXT + 1, &h);
	memcpy(row->token_hash, h.h, sizeof row->token_hash);
	/* Ids are arguments of commands: none looks like an option. */
	do {
		randombytes_buf(device, sizeof device);
		sodium_bin2base64(row->session.device, sizeof row->session.device, device, sizeof device,
			sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	} while (row->session.device[0] == '-');
	return insert_session(a, row, device_name);
}

static enum err open_session(
	struct accounts *a, uint32_t user, const char *hash, struct str device_name, uint64_t now_ms, struct login *out)
{
	struct session_row row;

	out->expires_ms = session_expires(now_ms, now_ms, a->sliding_ms, a->absolute_ms);
	db_lock(&a->db);
	enum err e = still_same(a, user, hash);
	if (e == ERR_OK)
		e = end_excess(a, user);
	if (e == ERR_OK && directory_flags(a->directory, user) & USER_LOCKED)
		e = ERR_LOCKED;
	if (e == ERR_OK)
		e = accounts_new_session(a, user, device_name, now_ms, &row, out->token);
	if (e == ERR_OK)
		memcpy(out->device, row.session.device, sizeof out->device);
	if (e == ERR_OK && directory_add_session(a->directory, &row))
		e = ERR_OVERLOADED;
	db_unlock(&a->db);
	return e;
}

enum err accounts_login(struct accounts *a, struct str user, struct str password, struct str device_name,
	const char *address, uint64_t now_ms, struct login *out)
{
	uint32_t number = accounts_find(a, user);
	char hash[PASSWORD_TEXT];

	memset(out, 0, sizeof *out);
	enum err e = check(a, number, password, user, address, hash);
	if (e == ERR_OK) {
		refresh_hash(a, number, password, hash);
		e = open_session(a, number, hash, device_name, now_ms, out);
	}
	sodium_memzero(hash, sizeof hash);
	return e;
}

static enum err set_password(struct accounts *a, const struct session *s, const char *old, const char *hash)
{
	unsigned n;

	db_lock(&a->db);
	enum err e = still_same(a, s->user, old);
	if (e == ERR_OK)
		e = accounts_store_hash(a, s->user, hash);
	if (e == ERR_OK) {
		sqlite3_stmt *st = db_use(&a->db, DB_OTHERS_FIND);
		sqlite3_bind_int64(st, 1, s->user);
		db_bind_str(st, 2, str_of(s->device));
		e = accounts_end_sessions(a, st, &n);
	}
	db_unlock(&a->db);
	return e;
}

enum err accounts_password(
	struct accounts *a, const struct session *s, struct str old_password, struct str new_password)
{
	char was[PASSWORD_TEXT], hash[PASSWORD_TEXT] = "", key[16];

	/* Guesses at the old password are counted by themselves: a thief of a token must not hold the owner's logins off. */
	struct str counted = {key, (size_t)snprintf(key, sizeof key, "#%u", s->user)};
	enum err e = check(a, s->user, old_password, counted, "", was);
	if (e == ERR_OK)
		e = password_hash(&a->cost, new_password, hash);
	if (e == ERR_OK)
		e = set_password(a, s, was, hash);
	sodium_memzero(was, sizeof was);
	sodium_memzero(hash, sizeof hash);
	return e == ERR_BAD_LOGIN ? ERR_WRONG_PASSWORD : e;
}

enum err accounts_revoke(struct accounts *a, uint32_t user, struct str device)
{
	unsigned n;

	db_lock(&a->db);
	sqlite3_stmt *st = db_use(&a->db, DB_DEVICE_FIND);
	sqlite3_bind_int64(st, 1, user);
	db_bind_str(st, 2, device);
	enum err e = accounts_end_sessions(a, st, &n);
	db_unlock(&a->db);
	return e == ERR_OK && n == 0 ? ERR_NOT_FOUND : e;
}

static void read_device(struct accounts *a, sqlite3_stmt *st, struct device *d)
{
	accounts_copy_text(d->device, sizeof d->device, db_column(st, 0));
	accounts_copy_text(d->name, sizeof d->name, db_column(st, 1));
	d->created_ms = (uint64_t)sqlite3_column_int64(st, 2);
	d->seen_ms = (uint64_t)sqlite3_column_int64(st, 3);
	d->expires_ms = session_expires(d->created_ms, d->seen_ms, a->sliding_ms, a->absolute_ms);
}

enum err accounts_devices(struct accounts *a, uint32_t user, struct device **out, size_t *n)
{
	int rc = SQLITE_DONE;

	*n = 0;
	*out = calloc(DEVICES_MAX, sizeof **out);
	if (!*out)
		return ERR_OVERLOADED;
	db_lock(&a->db);
	sqlite3_stmt *st = db_use(&a->db, DB_DEVICES);
	sqlite3_bind_int64(st, 1, user);
	while (*n < DEVICES_MAX && (rc = sqlite3_step(st)) == SQLITE_ROW)
		read_device(a, st, &(*out)[(*n)++]);
	db_done(st, rc);
	enum err e = rc == SQLITE_DONE || rc == SQLITE_ROW ? ERR_OK : db_err(&a->db, rc, "devices");
	db_unlock(&a->db);
	if (e != ERR_OK) {
		free(*out);
		*out = NULL;
	}
	return e;
}

enum err accounts_display_name(struct accounts *a, uint32_t user, char out[DISPLAY_BYTES_MAX + 1])
{
	enum err e = ERR_OK;

	out[0] = 0;
	db_lock(&a->db);
	sqlite3_stmt *st = db_use(&a->db, DB_DISPLAY_NAME);
	sqlite3_bind_int64(st, 1, user);
	int rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		accounts_copy_text(out, DISPLAY_BYTES_MAX + 1, db_column(st, 0));
	else
		e = rc == SQLITE_DONE ? ERR_NOT_FOUND : db_err(&a->db, rc, "display-name");
	db_done(st, rc);
	db_unlock(&a->db);
	return e;
}

int accounts_backup(struct accounts *a, const char *path, char why[256])
{
	return db_backup(&a->db, path, why);
}

/* Housekeeping. */

struct seen {
	struct {
		char device[DEVICE_TEXT + 1];
		uint64_t seen_ms;
	} row[STEP];
	unsigned n;
};

/* A day's step, so that a session in use costs one write a day. */
static void note_seen(void *ctx, struct session_row *row)
{
	struct seen *s = ctx;
	uint64_t seen_ms = row->seen_ms;

	if (s->n == STEP || seen_ms < row->stored_seen_ms + SEEN_STEP_MS)
		return;
	memcpy(s->row[s->n].device, row->session.device, sizeof row->session.device);
	s->row[s->n++].seen_ms = seen_ms;
	row->stored_seen_ms = seen_ms;
}

static void write_seen(struct accounts *a, const struct seen *s)
{
	int rc = SQLITE_DONE;

	db_lock(&a->db);
	(void)db_run(&a->db, DB_BEGIN);
	for (unsigned i = 0; i < s->n && rc == SQLITE_DONE; i++) {
		sqlite3_stmt *st = db_use(&a->db, DB_SESSION_SEEN);
		sqlite3_bind_int64(st, 1, (int64_t)s->row[i].seen_ms);
		db_bind_str(st, 2, str_of(s->row[i].device));
		rc = db_done(st, sqlite3_step(st));
	}
	if (rc == SQLITE_DONE)
		rc = db_run(&a->db, DB_COMMIT);
	if (rc != SQLITE_DONE) {
		(void)db_err(&a->db, rc, "session-seen");
		(void)db_run(&a->db, DB_ROLLBACK);
	}
	db_unlock(&a->db);
}

void accounts_housekeep(struct accounts *a)
{
	struct seen s;

	do {
		s.n = 0;
		directory_each_session(a->directory, note_seen, &s);
		if (s.n)
			write_seen(a, &s);
	} while (s.n == STEP);
}
