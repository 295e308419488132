/* Contacts, blocks and the upgrade of the database that they came with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "server/accounts/accounts.h"
#include "server/accounts/relations.h"
#include "tests/unit/accounts_rig.h"
#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { USERS = 4 };
static const uint64_t NOW = 1800000000000;

struct rig {
	struct accounts *a;
	struct rig_folder at;
	char said[512]; /* what list() was told */
};

static void rig_open(struct rig *r)
{
	struct accounts_config conf = {r->at.path, 8, 1, 1000, 1000, 1000, 0, 0};
	char why[256] = "";

	if (accounts_open(&r->a, &conf, why))
		fail_msg("%s", why);
}

static void run_sql(const char *path, const char *sql)
{
	sqlite3 *h;

	assert_int_equal(sqlite3_open(path, &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
}

static int number_in(const char *path, const char *sql)
{
	sqlite3_stmt *st;
	sqlite3 *h;

	assert_int_equal(sqlite3_open(path, &h), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(h, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	int n = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(h);
	return n;
}

/* What version 1 wrote: never changed. */
static const char version_1[] =
	"PRAGMA journal_mode = WAL;"
	"CREATE TABLE users (number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, password TEXT NOT "
	"NULL,"
	" display_name TEXT NOT NULL, created_ms INTEGER NOT NULL) STRICT;"
	"CREATE TABLE sessions (hash BLOB PRIMARY KEY, user INTEGER NOT NULL REFERENCES users (number),"
	" device TEXT NOT NULL UNIQUE, name TEXT NOT NULL, created_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL)"
	" STRICT, WITHOUT ROWID;"
	"CREATE INDEX sessions_user ON sessions (user);"
	"CREATE TABLE invites (hash BLOB PRIMARY KEY, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL,"
	" used_by INTEGER REFERENCES users (number)) STRICT, WITHOUT ROWID;"
	"INSERT INTO users (name, password, display_name, created_ms) VALUES ('old', 'x', 'Old One', 1);"
	"PRAGMA user_version = 1;";

static int set_up(void **state)
{
	struct rig *r = calloc(1, sizeof *r);

	if (!r)
		return -1;
	if (rig_folder_make(&r->at))
		return -1;
	*state = r;
	return 0;
}

static int set_up_users(void **state)
{
	static const char *const names[USERS] = {"ann", "bob", "carla", "dan"};

	if (set_up(state))
		return -1;
	struct rig *r = *state;
	rig_open(r);
	for (int i = 0; i < USERS; i++) {
		struct registration g = {
			.user = str_of(names[i]), .password = STR("correct horse"), .display_name = STR("")};
		assert_int_equal(accounts_register(r->a, &g, NOW), ERR_OK);
	}
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

static void note(void *ctx, struct str name, struct str alias)
{
	struct rig *r = ctx;
	size_t n = strlen(r->said);

	snprintf(r->said + n, sizeof r->said - n, "%.*s=%.*s ", (int)name.n, name.p, alias.p ? (int)alias.n : 1,
		alias.p ? alias.p : "-");
}

static const char *contacts_of(struct rig *r, uint32_t user)
{
	r->said[0] = 0;
	assert_int_equal(accounts_contacts(r->a, user, note, r), ERR_OK);
	return r->said;
}

static const char *blocked_by(struct rig *r, uint32_t user)
{
	r->said[0] = 0;
	assert_int_equal(accounts_blocked(r->a, user, note, r), ERR_OK);
	return r->said;
}

static void test_contacts(void **state)
{
	struct rig *r = *state;
	const struct str none = {NULL, 0};

	assert_string_equal(contacts_of(r, 1), "");
	assert_int_equal(accounts_contact_put(r->a, 1, 4, none), ERR_OK);
	assert_int_equal(accounts_contact_put(r->a, 1, 2,
				 STR("B\xc3\xb6"
				     "b")),
		ERR_OK);
	assert_int_equal(accounts_contact_put(r->a, 1, 3, STR("")), ERR_OK);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(contacts_of(r, 1), "bob=B\xc3\xb6"
						       "b carla= dan=- ");
		assert_string_equal(contacts_of(r, 2), "");
		assert_true(accounts_has_contact(r->a, 1, 4));
		assert_false(accounts_has_contact(r->a, 4, 1));
		accounts_close(r->a);
		rig_open(r);
	}
	assert_int_equal(accounts_contact_put(r->a, 1, 2, none), ERR_OK);
	assert_int_equal(accounts_contact_drop(r->a, 1, 3), ERR_OK);
	assert_int_equal(accounts_contact_drop(r->a, 1, 3), ERR_OK);
	assert_string_equal(contacts_of(r, 1), "bob=- dan=- ");
	assert_false(accounts_has_contact(r->a, 1, 3));
}

static void test_blocks(void **state)
{
	struct rig *r = *state;
	uint64_t since = 0;

	assert_int_equal(accounts_block(r->a, 1, 2, NOW), ERR_OK);
	assert_int_equal(accounts_block(r->a, 1, 2, NOW + 5), ERR_OK);
	assert_int_equal(accounts_block(r->a, 3, 1, NOW + 7), ERR_OK);
	for (int i = 0; i < 2; i++) {
		assert_true(accounts_blocks(r->a, 1, 2, &since));
		assert_true(since == NOW); /* the first one counts */
		assert_false(accounts_blocks(r->a, 2, 1, &since));
		assert_true(accounts_blocks(r->a, 3, 1, NULL));
		assert_string_equal(blocked_by(r, 1), "bob=- ");
		accounts_close(r->a);
		rig_open(r);
	}
	assert_int_equal(accounts_unblock(r->a, 1, 2), ERR_OK);
	assert_false(accounts_blocks(r->a, 1, 2, NULL));
	assert_string_equal(blocked_by(r, 1), "");
	accounts_close(r->a);
	rig_open(r);
	assert_false(accounts_blocks(r->a, 1, 2, NULL));
	assert_true(accounts_blocks(r->a, 3, 1, NULL));
}

static void test_bounded(void **state)
{
	struct rig *r = *state;

	accounts_close(r->a);
	run_sql(r->at.path, "WITH RECURSIVE n(i) AS (SELECT 5 UNION ALL SELECT i + 1 FROM n WHERE i < 5004)"
			    " INSERT INTO users (number, name, password, display_name, created_ms)"
			    " SELECT i, 'u' || i, '', '', 0 FROM n;"
			    "INSERT INTO contacts SELECT 1, number, NULL FROM users WHERE number > 4;"
			    "INSERT INTO blocks SELECT 1, number, 0 FROM users WHERE number > 4;");
	rig_open(r);
	assert_int_equal(accounts_contact_put(r->a, 1, 2, STR("x")), ERR_FORBIDDEN);
	assert_int_equal(accounts_block(r->a, 1, 2, NOW), ERR_FORBIDDEN);
	assert_int_equal(accounts_contact_put(r->a, 1, 7, STR("one that is there")), ERR_OK);
	assert_int_equal(accounts_block(r->a, 1, 7, NOW), ERR_OK);
	assert_int_equal(accounts_contact_drop(r->a, 1, 8), ERR_OK);
	assert_int_equal(accounts_contact_put(r->a, 1, 2, STR("x")), ERR_OK);
	assert_int_equal(accounts_block(r->a, 2, 1, NOW), ERR_OK);
}

static void test_upgrade(void **state)
{
	struct rig *r = *state;

	run_sql(r->at.path, version_1);
	rig_open(r);
	assert_int_equal(accounts_find(r->a, STR("old")), 1);
	struct registration g = {.user = STR("new"), .password = STR("correct horse"), .display_name = STR("")};
	assert_int_equal(accounts_register(r->a, &g, NOW), ERR_OK);
	assert_int_equal(accounts_contact_put(r->a, 2, 1, STR("one from before")), ERR_OK);
	assert_int_equal(accounts_block(r->a, 1, 2, NOW), ERR_OK);
	assert_string_equal(contacts_of(r, 2), "old=one from before ");
	assert_int_equal(number_in(r->at.path, "PRAGMA user_version"), 3);
	assert_int_equal(number_in(r->at.path, "SELECT count(*) FROM users"), 2);
	/* The same tables as of a database that is new. */
	char fresh[128];
	struct accounts *b;
	char why[256];
	snprintf(fresh, sizeof fresh, "%s/fresh.db", r->at.dir);
	struct accounts_config conf = {fresh, 8, 1, 1000, 1000, 1000, 0, 0};
	assert_int_equal(accounts_open(&b, &conf, why), 0);
	accounts_close(b);
	assert_int_equal(number_in(fresh, "SELECT count(*) FROM sqlite_schema"),
		number_in(r->at.path, "SELECT count(*) FROM sqlite_schema"));
	unlink(fresh);
}

static void test_pairs(void **state)
{
	enum { N = 400, STEPS = 20000 };
	static uint64_t oracle[N];
	struct relations *r = relations_new();
	uint32_t seed = 7;
	uint64_t value;

	(void)state;
	memset(oracle, 0, sizeof oracle);
	for (int i = 0; i < STEPS; i++) {
		seed = seed * 1664525u + 1013904223u;
		uint32_t k = (seed >> 8) % N, user = 1 + k % 20, other = 1 + k / 20;
		if (seed >> 30) {
			assert_int_equal(relations_put(r, user, other, seed), 0);
			oracle[k] = seed;
		} else {
			relations_drop(r, user, other);
			oracle[k] = 0;
		}
		k = (seed >> 4) % N;
		bool found = relations_get(r, 1 + k % 20, 1 + k / 20, &value);
		assert_int_equal(found, oracle[k] != 0);
		assert_true(!found || value == oracle[k]);
	}
	for (uint32_t k = 0; k < N; k++)
		relations_drop(r, 1 + k % 20, 1 + k / 20);
	for (uint32_t k = 0; k < N; k++)
		assert_false(relations_get(r, 1 + k % 20, 1 + k / 20, NULL));
	relations_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_contacts, set_up_users, tear_down),
		cmocka_unit_test_setup_teardown(test_blocks, set_up_users, tear_down),
		cmocka_unit_test_setup_teardown(test_bounded, set_up_users, tear_down),
		cmocka_unit_test_setup_teardown(test_upgrade, set_up, tear_down),
		cmocka_unit_test(test_pairs),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("contacts", tests, NULL, NULL);
}
