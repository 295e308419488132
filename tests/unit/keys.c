/* Bundles and one-time keys: each goes out once, ids are not used again, another device drops them; and how often one may ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "server/accounts/accounts.h"
#include "server/accounts/limits.h"
#include "tests/unit/accounts_rig.h"
#include <cmocka.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const uint64_t NOW = 1800000000000, HOUR = 3600000000;

struct rig {
	struct accounts *a;
	struct rig_folder at;
	struct session one, two; /* two devices of user 1 */
};

static void rig_open(struct rig *r)
{
	struct accounts_config conf = {r->at.path, 8, 1, 1000, 1u << 30, 1u << 30, 0, 0};
	char why[256] = "";

	if (accounts_open(&r->a, &conf, why))
		fail_msg("%s", why);
}

static struct session login(struct rig *r)
{
	struct login l;
	struct session s;

	assert_int_equal(accounts_login(r->a, STR("ann"), STR("correct horse"), STR(""), "192.0.2.1", NOW, &l), ERR_OK);
	assert_int_equal(accounts_session(r->a, str_of(l.token), NOW, &s), 0);
	return s;
}

static int set_up(void **state)
{
	struct rig *r = calloc(1, sizeof *r);
	struct registration g = {.user = STR("ann"), .password = STR("correct horse"), .display_name = STR("")};

	if (!r)
		return -1;
	if (rig_folder_make(&r->at))
		return -1;
	rig_open(r);
	assert_int_equal(accounts_register(r->a, &g, NOW), ERR_OK);
	r->one = login(r);
	r->two = login(r);
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

static struct one_time_key key(uint32_t id, uint8_t fill)
{
	struct one_time_key k = {.id = id};

	memset(k.key, fill, sizeof k.key);
	return k;
}

static enum err put(struct rig *r, const struct session *s, const struct one_time_key *k, size_t n, unsigned *left)
{
	return accounts_keys_put(r->a, s, STR("bundle"), k, n, left);
}

static unsigned left(struct rig *r)
{
	struct key_bundle b;

	assert_int_equal(accounts_keys_own(r->a, 1, &b), ERR_OK);
	return b.one_time_left;
}

static void test_once(void **state)
{
	struct rig *r = *state;
	struct one_time_key k[] = {key(7, 1), key(UINT32_MAX, 2), key(0, 3)};
	struct key_bundle b;
	unsigned n = 99;

	assert_int_equal(accounts_keys_own(r->a, 1, &b), ERR_NOT_FOUND);
	assert_int_equal(accounts_keys_take(r->a, 1, true, &b), ERR_NOT_FOUND);
	assert_int_equal(put(r, &r->one, k, 3, &n), ERR_OK);
	assert_int_equal(n, 3);
	assert_int_equal(accounts_keys_take(r->a, 1, false, &b), ERR_OK);
	assert_false(b.has_one_time);
	assert_int_equal(b.n, 6);
	assert_memory_equal(b.bytes, "bundle", 6);
	static const uint32_t ids[] = {0, 7, UINT32_MAX};
	for (int i = 0; i < 3; i++) {
		assert_int_equal(accounts_keys_take(r->a, 1, true, &b), ERR_OK);
		assert_true(b.has_one_time);
		assert_int_equal(b.one_time.id, ids[i]);
		assert_int_equal(b.one_time.key[31], ids[i] == 7 ? 1 : ids[i] ? 2 : 3);
		accounts_close(r->a);
		rig_open(r);
		assert_int_equal(left(r), 2 - i);
	}
	assert_int_equal(accounts_keys_take(r->a, 1, true, &b), ERR_OK);
	assert_false(b.has_one_time);
}

static void test_ids(void **state)
{
	struct rig *r = *state;
	struct one_time_key k[] = {key(1, 1), key(2, 2)}, other[] = {key(3, 3), key(2, 9)},
			    twice[] = {key(4, 4), key(4, 4)};
	struct key_bundle b;
	unsigned n;

	assert_int_equal(put(r, &r->one, k, 2, &n), ERR_OK);
	assert_int_equal(put(r, &r->one, k, 2, &n), ERR_OK);
	assert_int_equal(n, 2);
	assert_int_equal(put(r, &r->one, other, 2, &n), ERR_KEY_ID_REUSED);
	assert_int_equal(left(r), 2); /* nothing of it was taken */
	assert_int_equal(accounts_keys_take(r->a, 1, true, &b), ERR_OK);
	assert_int_equal(put(r, &r->one, k, 2, &n), ERR_OK);
	assert_int_equal(n, 1); /* the one that went out does not come back */
	other[0] = key(1, 8);
	assert_int_equal(put(r, &r->one, other, 1, &n), ERR_KEY_ID_REUSED);
	assert_int_equal(put(r, &r->one, twice, 2, &n), ERR_OK);
	assert_int_equal(n, 2);
}

static void test_another_device(void **state)
{
	struct rig *r = *state;
	struct one_time_key k[] = {key(1, 1), key(2, 2)}, same[] = {key(1, 5)};
	struct key_bundle b;
	unsigned n;

	assert_int_equal(put(r, &r->one, k, 2, &n), ERR_OK);
	assert_int_equal(put(r, &r->two, same, 1, &n), ERR_OK); /* ids belong to a device */
	assert_int_equal(n, 1);
	assert_int_equal(accounts_keys_take(r->a, 1, true, &b), ERR_OK);
	assert_int_equal(b.one_time.key[0], 5);
	assert_int_equal(put(r, &r->one, k, 2, &n), ERR_OK);
	assert_int_equal(n, 0); /* dropped, and their ids stay used */
	assert_int_equal(put(r, &r->one, same, 1, &n), ERR_KEY_ID_REUSED);
	/* A session that ended leaves its keys until another device comes. */
	k[0] = key(10, 1);
	assert_int_equal(put(r, &r->one, k, 1, &n), ERR_OK);
	assert_int_equal(accounts_revoke(r->a, 1, str_of(r->one.device)), ERR_OK);
	assert_int_equal(left(r), 1);
	assert_int_equal(put(r, &r->two, NULL, 0, &n), ERR_OK);
	assert_int_equal(n, 0);
}

static void test_bounded(void **state)
{
	enum { MORE = ONE_TIME_MAX + 1 };
	struct rig *r = *state;
	struct one_time_key k[MORE];
	char sql[512];
	sqlite3 *h;
	unsigned n;

	for (uint32_t i = 0; i < MORE; i++)
		k[i] = key(i, (uint8_t)i);
	assert_int_equal(put(r, &r->one, k, MORE, &n), ERR_BAD_FIELD);
	assert_int_equal(put(r, &r->one, k, ONE_TIME_MAX, &n), ERR_OK);
	assert_int_equal(put(r, &r->one, k + 1, ONE_TIME_MAX, &n), ERR_BAD_FIELD);
	assert_int_equal(left(r), ONE_TIME_MAX);
	assert_int_equal(put(r, &r->two, NULL, 0, &n), ERR_OK);
	snprintf(sql, sizeof sql,
		"WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
		" INSERT INTO one_time_keys SELECT 1, '%s', i, x'00', NULL FROM n",
		1000 + ONE_TIME_IDS_MAX - ONE_TIME_MAX - 2, r->one.device);
	assert_int_equal(sqlite3_open(r->at.path, &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
	k[0] = key(900000, 1);
	k[1] = key(900001, 1);
	assert_int_equal(put(r, &r->one, k, 1, &n), ERR_OK);
	assert_int_equal(put(r, &r->one, k, 2, &n), ERR_FORBIDDEN);
}

struct race {
	struct rig *r;
	_Atomic int taken[ONE_TIME_MAX];
};

static void *take_all(void *arg)
{
	struct race *x = arg;
	struct key_bundle b;

	while (accounts_keys_take(x->r->a, 1, true, &b) == ERR_OK && b.has_one_time)
		x->taken[b.one_time.id]++;
	return NULL;
}

static void test_race(void **state)
{
	struct race x = {.r = *state};
	struct one_time_key k[ONE_TIME_MAX];
	pthread_t t[4];
	unsigned n;

	for (uint32_t i = 0; i < ONE_TIME_MAX; i++)
		k[i] = key(i, (uint8_t)i);
	assert_int_equal(put(x.r, &x.r->one, k, ONE_TIME_MAX, &n), ERR_OK);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, take_all, &x), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < ONE_TIME_MAX; i++)
		assert_int_equal(x.taken[i], 1);
}

static void test_limits(void **state)
{
	struct limits *l = limits_new(20);
	uint64_t t = 5 * HOUR;

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(limits_fetch(l, 1, 2, t), 0);
	assert_in_range(limits_fetch(l, 1, 2, t), 359000, 361000);
	assert_int_equal(limits_fetch(l, 2, 1, t), 0); /* the other way is another pair */
	assert_int_equal(limits_fetch(l, 1, 2, t + HOUR / 10 + 1000), 0);
	assert_int_not_equal(limits_fetch(l, 1, 2, t + HOUR / 10 + 1000), 0);
	t += 10 * HOUR;
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(limits_fetch(l, 1, 100 + i, t), 0);
	assert_in_range(limits_fetch(l, 1, 300, t), 35000, 37000);
	assert_int_equal(limits_fetch(l, 3, 300, t), 0);
	limits_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ids, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_another_device, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_race, set_up, tear_down),
		cmocka_unit_test(test_limits),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
