#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "server/accounts/accounts.h"
#include "tests/unit/accounts_rig.h"
#include <cmocka.h>
#include <pthread.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint64_t DAY = 86400000, NOW = 1800000000000;
#define SECOND 1000000ull /* of the monotonic clock */

/* A directory of its own for each test, with the cheapest hash there is. */
struct rig {
	struct accounts *a;
	struct rig_folder at;
	char why[256];
	struct accounts_config conf;
};

static void rig_open(struct rig *r)
{
	assert_int_equal(accounts_open(&r->a, &r->conf, r->why), 0);
}

static void rig_reopen(struct rig *r)
{
	accounts_close(r->a);
	rig_open(r);
}

static int set_up(void **state)
{
	struct rig *r = calloc(1, sizeof *r);

	if (!r)
		return -1;
	if (rig_folder_make(&r->at))
		return -1;
	r->conf = (struct accounts_config){r->at.path, 8, 1, 20, 30 * DAY, 180 * DAY, 0, 0};
	rig_open(r);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *r = *state;

	accounts_close(r->a);
	rig_folder_remove(&r->at);
	free(r);
	return 0;
}

static enum err add(struct rig *r, const char *user)
{
	struct registration g = {
		.user = str_of(user), .password = STR("correct horse"), .display_name = STR("Gr\xc3\xbc\xc3\x9f Gott")};

	return accounts_register(r->a, &g, NOW);
}

static enum err login(struct rig *r, const char *user, const char *password, const char *address, struct login *out)
{
	return accounts_login(r->a, str_of(user), str_of(password), STR("laptop"), address, NOW, out);
}

static struct login logged_in(struct rig *r, const char *user)
{
	struct login l;

	assert_int_equal(login(r, user, "correct horse", "192.0.2.1", &l), ERR_OK);
	return l;
}

static int session_at(struct rig *r, const struct login *l, uint64_t now_ms)
{
	struct session s;

	return accounts_session(r->a, str_of(l->token), now_ms, &s);
}

static void test_register(void **state)
{
	struct rig *r = *state;
	char name[DISPLAY_BYTES_MAX + 1];

	assert_int_equal(accounts_highest(r->a), 0);
	assert_int_equal(accounts_find(r->a, STR("bob")), 0);
	assert_int_equal(accounts_name(r->a, 1).n, 0);
	assert_int_equal(add(r, "bob"), ERR_OK);
	assert_int_equal(add(r, "ann"), ERR_OK);
	assert_int_equal(add(r, "bob"), ERR_USER_TAKEN);
	for (int i = 0; i < 2; i++, rig_reopen(r)) {
		assert_int_equal(accounts_find(r->a, STR("bob")), 1);
		assert_int_equal(accounts_find(r->a, STR("ann")), 2);
		assert_int_equal(accounts_highest(r->a), 2);
		assert_true(str_is(accounts_name(r->a, 2), "ann"));
		assert_int_equal(accounts_display_name(r->a, 1, name), ERR_OK);
		assert_string_equal(name, "Gr\xc3\xbc\xc3\x9f Gott");
		assert_int_equal(accounts_display_name(r->a, 3, name), ERR_NOT_FOUND);
	}
}

static void test_reserved_names(void **state)
{
	static const char *const reserved[] = {"admin", "root", "system", "chatd", "webmaster", "abuse", "me"};
	static const char *const free_ones[] = {"admi", "admins", "adm", "m2", "roo", "zoe"};

	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
		assert_int_equal(add(*state, reserved[i]), ERR_USER_TAKEN);
	for (size_t i = 0; i < sizeof free_ones / sizeof *free_ones; i++)
		assert_int_equal(add(*state, free_ones[i]), ERR_OK);
}

static void run_sql(const char *path, const char *sql)
{
	sqlite3 *h;

	assert_int_equal(sqlite3_open(path, &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
}

static void test_numbers_are_never_reused(void **state)
{
	struct rig *r = *state;

	add(r, "bob");
	add(r, "ann");
	run_sql(r->at.path, "DELETE FROM users WHERE name = 'ann'");
	rig_reopen(r);
	assert_int_equal(accounts_find(r->a, STR("ann")), 0);
	assert_int_equal(accounts_highest(r->a), 2);
	assert_int_equal(add(r, "carla"), ERR_OK);
	assert_int_equal(accounts_find(r->a, STR("carla")), 3);
}

static void test_many_names(void **state)
{
	struct rig *r = *state;
	char name[16];

	for (int i = 1; i <= 2000; i++) {
		snprintf(name, sizeof name, "user%d", i);
		assert_int_equal(add(r, name), ERR_OK);
	}
	for (uint32_t i = 1; i <= 2000; i++) {
		snprintf(name, sizeof name, "user%u", i);
		assert_int_equal(accounts_find(r->a, str_of(name)), i);
		assert_true(str_is(accounts_name(r->a, i), name));
	}
	assert_int_equal(accounts_name(r->a, UINT32_MAX).n, 0);
	assert_int_equal(accounts_name(r->a, 0).n, 0);
}

static void test_login(void **state)
{
	struct rig *r = *state;
	struct session s;
	struct login wrong;

	add(r, "bob");
	struct login l = logged_in(r, "bob");
	assert_int_equal(strlen(l.token), TOKEN_SECRET_TEXT);
	assert_int_equal(strlen(l.device), DEVICE_TEXT);
	assert_true(token_text_ok(str_of(l.device)));
	assert_int_equal(l.expires_ms, NOW + 30 * DAY);
	for (int i = 0; i < 2; i++, rig_reopen(r)) {
		assert_int_equal(accounts_session(r->a, str_of(l.token), NOW, &s), 0);
		assert_int_equal(s.user, 1);
		assert_string_equal(s.device, l.device);
		assert_true(accounts_alive(r->a, &s, NOW));
	}
	assert_int_equal(login(r, "bob", "correct horsf", "192.0.2.1", &wrong), ERR_BAD_LOGIN);
	assert_int_equal(login(r, "nobody-here", "correct horse", "192.0.2.1", &wrong), ERR_BAD_LOGIN);
	assert_int_equal(login(r, "NO SUCH", "of a user who is not there", "192.0.2.1", &wrong), ERR_BAD_LOGIN);
	assert_int_equal(wrong.token[0], 0);
	s.user++;
	assert_false(accounts_alive(r->a, &s, NOW));
}

static void test_tokens_that_are_none(void **state)
{
	struct rig *r = *state;
	struct session s;

	add(r, "bob");
	struct login l = logged_in(r, "bob");
	char other[TOKEN_SECRET_TEXT + 2];
	for (int i = 0; i < TOKEN_SECRET_TEXT; i++) {
		strcpy(other, l.token);
		other[i] = other[i] == 'A' ? 'B' : 'A';
		assert_int_equal(accounts_session(r->a, str_of(other), NOW, &s), -1);
	}
	snprintf(other, sizeof other, "%sA", l.token);
	assert_int_equal(accounts_session(r->a, str_of(other), NOW, &s), -1);
	assert_int_equal(accounts_session(r->a, (struct str){l.token, TOKEN_SECRET_TEXT - 1}, NOW, &s), -1);
	assert_int_equal(accounts_session(r->a, (struct str){NULL, 0}, NOW, &s), -1);
	assert_int_equal(accounts_session(r->a, STR("+++++++++++++++++++++++++++++++++++++++++++"), NOW, &s), -1);
}

static void test_expiry(void **state)
{
	struct rig *r = *state;

	add(r, "bob");
	struct login idle = logged_in(r, "bob"), used = logged_in(r, "bob");
	for (unsigned day = 20; day < 180; day += 20)
		assert_int_equal(session_at(r, &used, NOW + day * DAY), 0);
	assert_int_equal(session_at(r, &used, NOW + 180 * DAY - 1), 0);
	assert_int_equal(session_at(r, &used, NOW + 180 * DAY), -1);
	assert_int_equal(session_at(r, &idle, NOW + 30 * DAY), -1);
	/* Refused, not deleted: the clock may have been wrong. */
	assert_int_equal(session_at(r, &idle, NOW + 30 * DAY - 1), 0);
}

static uint64_t seen_on_disk(struct rig *r)
{
	struct device *d;
	size_t n;

	assert_int_equal(accounts_devices(r->a, 1, &d, &n), ERR_OK);
	assert_int_equal(n, 1);
	uint64_t seen = d->seen_ms;
	free(d);
	return seen;
}

static void test_use_is_written_once_a_day(void **state)
{
	struct rig *r = *state;

	add(r, "bob");
	struct login l = logged_in(r, "bob");
	assert_int_equal(session_at(r, &l, NOW + DAY - 1), 0);
	accounts_housekeep(r->a);
	assert_int_equal(seen_on_disk(r), NOW);
	assert_int_equal(session_at(r, &l, NOW + DAY), 0);
	accounts_housekeep(r->a);
	assert_int_equal(seen_on_disk(r), NOW + DAY);
	assert_int_equal(session_at(r, &l, NOW + DAY + 5), 0);
	accounts_housekeep(r->a);
	assert_int_equal(seen_on_disk(r), NOW + DAY);
	rig_reopen(r);
	assert_int_equal(session_at(r, &l, NOW + 31 * DAY - 1), 0);
	assert_int_equal(session_at(r, &l, NOW + 70 * DAY), -1);
}

static void test_revoke(void **state)
{
	struct rig *r = *state;
	struct session s;

	add(r, "bob");
	add(r, "ann");
	struct login bob = logged_in(r, "bob"), bob2 = logged_in(r, "bob"), ann = logged_in(r, "ann");
	assert_int_equal(accounts_session(r->a, str_of(bob.token), NOW, &s), 0);
	uint64_t revision = accounts_revision(r->a);
	assert_int_equal(accounts_revoke(r->a, 1, str_of(ann.device)), ERR_NOT_FOUND);
	assert_int_equal(accounts_revoke(r->a, 1, STR("nothing")), ERR_NOT_FOUND);
	assert_int_equal(accounts_revision(r->a), revision);
	assert_int_equal(accounts_revoke(r->a, 1, str_of(bob.device)), ERR_OK);
	assert_int_equal(accounts_revoke(r->a, 1, str_of(bob.device)), ERR_NOT_FOUND);
	assert_int_not_equal(accounts_revision(r->a), revision);
	assert_false(accounts_alive(r->a, &s, NOW));
	for (int i = 0; i < 2; i++, rig_reopen(r)) {
		assert_int_equal(session_at(r, &bob, NOW), -1);
		assert_int_equal(session_at(r, &bob2, NOW), 0);
		assert_int_equal(session_at(r, &ann, NOW), 0);
	}
}

static void test_devices(void **state)
{
	struct rig *r = *state;
	struct login first, l;
	struct device *d;
	size_t n;

	add(r, "bob");
	first = logged_in(r, "bob");
	for (int i = 1; i <= DEVICES_MAX; i++)
		assert_int_equal(accounts_login(r->a, STR("bob"), STR("correct horse"), STR(""), "192.0.2.1",
					 NOW + (uint64_t)i, &l),
			ERR_OK);
	assert_int_equal(session_at(r, &first, NOW), -1);
	assert_int_equal(accounts_devices(r->a, 1, &d, &n), ERR_OK);
	assert_int_equal(n, DEVICES_MAX);
	assert_string_equal(d[n - 1].device, l.device);
	assert_int_equal(d[n - 1].created_ms, NOW + DEVICES_MAX);
	assert_int_equal(d[n - 1].expires_ms, NOW + DEVICES_MAX + 30 * DAY);
	assert_string_equal(d[0].name, "");
	free(d);
}

static void test_password(void **state)
{
	struct rig *r = *state;
	struct session s;
	struct login l;

	add(r, "bob");
	struct login mine = logged_in(r, "bob"), other = logged_in(r, "bob"), third = logged_in(r, "bob");
	assert_int_equal(accounts_session(r->a, str_of(mine.token), NOW, &s), 0);
	assert_int_equal(accounts_password(r->a, &s, STR("wrong horse"), STR("battery staple")), ERR_WRONG_PASSWORD);
	assert_int_equal(session_at(r, &other, NOW), 0);
	assert_int_equal(accounts_password(r->a, &s, STR("correct horse"), STR("battery staple")), ERR_OK);
	assert_int_equal(session_at(r, &mine, NOW), 0);
	assert_int_equal(session_at(r, &other, NOW), -1);
	assert_int_equal(session_at(r, &third, NOW), -1);
	assert_int_equal(login(r, "bob", "correct horse", "192.0.2.1", &l), ERR_BAD_LOGIN);
	assert_int_equal(login(r, "bob", "battery staple", "192.0.2.1", &l), ERR_OK);
}

struct old_logins {
	struct rig *r;
	const char *password;
	struct login last;
	atomic_bool begun;
};

/* Logs in for as long as that password is right; the last session that it opened is kept. */
static void *log_in_on(void *arg)
{
	struct old_logins *o = arg;
	struct login l;
	enum err e;

	while ((e = login(o->r, "ada", o->password, "10.0.0.1", &l)) == ERR_OK || e == ERR_OVERLOADED) {
		if (e == ERR_OK)
			o->last = l;
		atomic_store(&o->begun, true);
	}
	return NULL;
}

/* A login with the old password that is under way while it is changed opens no session that outlives the change. */
static void test_password_changed_meanwhile(void **state)
{
	static const char *const words[] = {"correct horse", "battery staple"};
	struct rig *r = *state;

	assert_int_equal(add(r, "ada"), ERR_OK);
	for (int i = 0; i < 60; i++) {
		struct old_logins o = {.r = r, .password = words[i % 2]};
		struct login mine;
		struct session s;
		pthread_t t;
		assert_int_equal(login(r, "ada", o.password, "10.0.0.1", &mine), ERR_OK);
		assert_int_equal(accounts_session(r->a, str_of(mine.token), NOW, &s), 0);
		assert_int_equal(pthread_create(&t, NULL, log_in_on, &o), 0);
		while (!atomic_load(&o.begun))
			;
		assert_int_equal(accounts_password(r->a, &s, str_of(o.password), str_of(words[!(i % 2)])), ERR_OK);
		pthread_join(t, NULL);
		assert_int_equal(session_at(r, &o.last, NOW), -1);
	}
}

static void test_guesses_at_the_old_password(void **state)
{
	struct rig *r = *state;
	struct session s;
	struct login l = (add(r, "bob"), logged_in(r, "bob"));

	assert_int_equal(accounts_session(r->a, str_of(l.token), NOW, &s), 0);
	/* A change that succeeded opens no door for guessing. */
	assert_int_equal(accounts_password(r->a, &s, STR("correct horse"), STR("correct horse")), ERR_OK);
	for (int i = 0; i < 10; i++)
		assert_int_equal(
			accounts_password(r->a, &s, STR("wrong horse"), STR("battery staple")), ERR_WRONG_PASSWORD);
	assert_int_equal(accounts_password(r->a, &s, STR("correct horse"), STR("battery staple")), ERR_RATE_LIMITED);
	/* The owner is not held off by it. */
	assert_int_equal(login(r, "bob", "correct horse", "198.51.100.9", &l), ERR_OK);
}

static void test_guesses_at_a_login(void **state)
{
	static const char *const names[] = {"bob", "no-such-user"};
	struct rig *r = *state;
	struct login l;

	add(r, "bob");
	logged_in(r, "bob");
	for (int k = 0; k < 2; k++) {
		for (int i = 0; i < 10; i++)
			assert_int_equal(login(r, names[k], "wrong horse", "203.0.113.5", &l), ERR_BAD_LOGIN);
		assert_int_equal(login(r, names[k], "wrong horse", "203.0.113.6", &l), ERR_RATE_LIMITED);
	}
	assert_int_equal(login(r, "bob", "correct horse", "203.0.113.5", &l), ERR_RATE_LIMITED);
	assert_int_equal(login(r, "bob", "correct horse", "192.0.2.1", &l), ERR_OK);
}

static void test_admit(void **state)
{
	struct rig *r = *state;
	uint64_t t = 1000 * SECOND;

	for (int i = 0; i < 20; i++)
		assert_true(accounts_admit(r->a, "203.0.113.5", t));
	assert_false(accounts_admit(r->a, "203.0.113.5", t));
	assert_true(accounts_admit(r->a, "203.0.113.6", t));
	/* One customer's addresses of IPv6 count as one. */
	for (unsigned i = 0; i < 20; i++) {
		char six[32];
		snprintf(six, sizeof six, "2001:db8:1:2::%x", i + 1);
		assert_true(accounts_admit(r->a, six, t));
	}
	assert_false(accounts_admit(r->a, "2001:db8:1:2:ffff::1", t));
	assert_true(accounts_admit(r->a, "2001:db8:1:3::1", t));
	assert_false(accounts_admit(r->a, "203.0.113.5", t + 2 * SECOND));
	assert_true(accounts_admit(r->a, "203.0.113.5", t + 4 * SECOND));
	assert_false(accounts_admit(r->a, "203.0.113.5", t + 4 * SECOND));
	/* Asking often while there is none must not stop the refill. */
	int taken = 0;
	for (uint64_t ms = 0; ms < 60000; ms++)
		taken += accounts_admit(r->a, "203.0.113.5", t + 5 * SECOND + ms * 1000);
	assert_in_range(taken, 19, 21);
}

static void test_invites(void **state)
{
	struct rig *r = *state;
	char code[INVITE_TEXT + 1], late[INVITE_TEXT + 1];
	struct registration g = {.user = STR("bob"), .password = STR("correct horse"), .need_invite = true};

	add(r, "ann");
	assert_int_equal(accounts_register(r->a, &g, NOW), ERR_INVITE_REQUIRED);
	g.invite = STR("AAAAAAAAAAAAAAAAAAAAAA");
	assert_int_equal(accounts_register(r->a, &g, NOW), ERR_INVITE_REQUIRED);
	g.user = STR("ann"); /* without an invite nothing tells that the name is taken */
	assert_int_equal(accounts_register(r->a, &g, NOW), ERR_INVITE_REQUIRED);
	struct invite info;
	assert_int_equal(accounts_invite(r->a, NOW, 1, 30 * DAY, &info, code), ERR_OK);
	assert_int_equal(accounts_invite(r->a, NOW - 31 * DAY, 1, 30 * DAY, &info, late), ERR_OK);
	assert_int_equal(strlen(code), INVITE_TEXT);
	rig_reopen(r);
	g.invite = str_of(late);
	g.user = STR("bob");
	assert_int_equal(accounts_register(r->a, &g, NOW), ERR_INVITE_REQUIRED);
	g.invite = str_of(code);
	g.user = STR("ann");
	assert_int_equal(accounts_register(r->a, &g, NOW), ERR_USER_TAKEN);
	g.user = STR("bob");
	assert_int_equal(accounts_register(r->a, &g, NOW), ERR_OK);
	g.user = STR("carla");
	assert_int_equal(accounts_register(r->a, &g, NOW), ERR_INVITE_REQUIRED);
}

static void test_cost_is_brought_up(void **state)
{
	struct rig *r = *state;
	struct login l;

	add(r, "bob");
	r->conf.argon_kib = 16;
	rig_reopen(r);
	assert_int_equal(login(r, "bob", "correct horse", "192.0.2.1", &l), ERR_OK);
	assert_int_equal(login(r, "bob", "correct horse", "192.0.2.1", &l), ERR_OK);
	sqlite3 *h;
	sqlite3_stmt *st;
	assert_int_equal(sqlite3_open(r->at.path, &h), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(h, "SELECT password FROM users", -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	assert_non_null(strstr((const char *)sqlite3_column_text(st, 0), "$argon2id$v=19$m=16,t=1,"));
	sqlite3_finalize(st);
	sqlite3_close(h);
}

static void test_secrets_are_not_on_disk(void **state)
{
	struct rig *r = *state;
	char path[128];
	static const char *const tails[] = {"", "-wal"};

	add(r, "bob");
	struct login l = logged_in(r, "bob");
	for (int i = 0; i < 2; i++) {
		struct stat st;
		snprintf(path, sizeof path, "%s%s", r->at.path, tails[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		char *bytes = malloc((size_t)st.st_size + 1);
		FILE *f = fopen(path, "r");
		assert_non_null(bytes);
		assert_non_null(f);
		size_t n = fread(bytes, 1, (size_t)st.st_size, f);
		fclose(f);
		assert_null(memmem(bytes, n, l.token, TOKEN_SECRET_TEXT));
		assert_null(memmem(bytes, n, "correct horse", 13));
		free(bytes);
	}
}

static void test_newer_schema_is_refused(void **state)
{
	struct rig *r = *state;
	struct accounts *again;

	accounts_close(r->a);
	r->a = NULL;
	run_sql(r->at.path, "PRAGMA user_version = 1000");
	assert_int_equal(accounts_open(&again, &r->conf, r->why), -1);
	assert_null(again);
	assert_non_null(strstr(r->why, "version 1000"));
	r->conf.path = r->at.dir; /* a directory is no database */
	assert_int_equal(accounts_open(&again, &r->conf, r->why), -1);
	assert_true(r->why[0] != 0);
}

/* Look-ups without a pause while users and sessions come and go. */
struct reader {
	struct accounts *a;
	const char *token;
	atomic_bool stop;
	atomic_uint rounds;
};

static void *look_up(void *arg)
{
	struct reader *r = arg;
	struct session s;

	while (!atomic_load(&r->stop)) {
		uint32_t n = accounts_find(r->a, STR("bob"));
		if (n != 1 || !str_is(accounts_name(r->a, n), "bob") ||
			accounts_session(r->a, str_of(r->token), NOW, &s))
			return r;
		for (uint32_t i = 2; i < 300; i++) {
			struct str name = accounts_name(r->a, i);
			if (name.n && (name.n < 2 || name.p[0] != 'u'))
				return r;
		}
		atomic_fetch_add(&r->rounds, 1);
	}
	return NULL;
}

static void test_many_threads(void **state)
{
	struct rig *r = *state;
	pthread_t thread[2];
	struct reader reader = {.a = r->a};
	char name[16];

	add(r, "bob");
	struct login keep = logged_in(r, "bob");
	reader.token = keep.token;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, look_up, &reader), 0);
	for (int i = 0; i < 200 || atomic_load(&reader.rounds) < 10; i++) {
		snprintf(name, sizeof name, "u%d", i);
		add(r, name);
		struct login l = logged_in(r, name);
		assert_int_equal(accounts_revoke(r->a, accounts_find(r->a, str_of(name)), str_of(l.device)), ERR_OK);
	}
	atomic_store(&reader.stop, true);
	for (int i = 0; i < 2; i++) {
		void *bad;
		pthread_join(thread[i], &bad);
		assert_null(bad);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_register),
		TEST(test_reserved_names),
		TEST(test_numbers_are_never_reused),
		TEST(test_many_names),
		TEST(test_login),
		TEST(test_tokens_that_are_none),
		TEST(test_expiry),
		TEST(test_use_is_written_once_a_day),
		TEST(test_revoke),
		TEST(test_devices),
		TEST(test_password),
		TEST(test_password_changed_meanwhile),
		TEST(test_guesses_at_the_old_password),
		TEST(test_guesses_at_a_login),
		TEST(test_admit),
		TEST(test_invites),
		TEST(test_cost_is_brought_up),
		TEST(test_secrets_are_not_on_disk),
		TEST(test_newer_schema_is_refused),
		TEST(test_many_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
